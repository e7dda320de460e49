import type { EpochMs } from "../domain/ids.ts";
import type { Clock } from "../ports/clock.ts";
import { createHeap } from "./heap.ts";
import type { Due } from "./heap.ts";

/** A clock that stands still until it is told to go on. */
export interface VirtualClock extends Clock {
  /** Lets `ms` (≥ 0) pass: what is due happens one by one, in order of its time, and what it set going settles in between. */
  advance(ms: number): Promise<void>;
  /** Goes on from one due thing to the next until `isDone`. @throws Error when it is not done after `maxMs`, or nobody sleeps any more. */
  advanceUntil(isDone: () => boolean, maxMs: number): Promise<void>;
}

interface Timer extends Due {
  /** Undefined once it was called off: then it is dropped when its time comes, which is cheaper than to look for it. */
  run: (() => void) | undefined;
}

/**
 * Creates a clock that shows `startMs`. What is due at one instant happens in the order in which it was asked for.
 * @param stepsPerTurn things that may happen in one turn of the event loop, ≥ 1. Between two of them every promise chain has
 * gone as far as it can without the clock, and no rejection is left unheeded; real I/O goes on only from turn to turn.
 */
export function createVirtualClock(startMs: EpochMs, stepsPerTurn = 1): VirtualClock {
  const timers = createHeap<Timer>();
  let passedMs = 0;
  let order = 0;

  const schedule = (ms: number, run: () => void): (() => void) => {
    order += 1;
    const timer: Timer = { at: passedMs + Math.max(0, ms), order, run };
    timers.push(timer);
    return () => {
      timer.run = undefined;
    };
  };
  /** Lets the next thing happen that is due until then; answers whether there was one. */
  const step = (untilMs: number): boolean => {
    for (let timer = timers.peek(); timer !== undefined && timer.at <= untilMs; timer = timers.peek()) {
      timers.pop();
      if (timer.run === undefined) continue;
      passedMs = timer.at;
      timer.run();
      return true;
    }
    return false;
  };

  return {
    now: () => startMs + passedMs,
    monotonic: () => passedMs,
    schedule,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal === undefined) return void schedule(ms, resolve);
        if (signal.aborted) return reject(signal.reason);
        const callOff = schedule(ms, () => {
          signal.removeEventListener("abort", abort);
          resolve();
        });
        const abort = (): void => {
          callOff();
          reject(signal.reason);
        };
        signal.addEventListener("abort", abort, { once: true });
      }),
    async advance(ms) {
      const untilMs = passedMs + ms;
      await repeat(stepsPerTurn, () => !step(untilMs));
      passedMs = untilMs;
    },
    advanceUntil(isDone, maxMs) {
      const untilMs = passedMs + maxMs;
      return repeat(stepsPerTurn, () => {
        if (isDone()) return true;
        if (!step(untilMs)) throw new Error(`not done after ${passedMs} virtual ms, and nobody wakes`);
        return false;
      });
    },
  };
}

/**
 * Does something again and again until it answers true, so many times in a turn of the event loop. Node lets all promises
 * settle between two immediates of one turn, so what the last time set going has gone on before the next.
 * @throws what `once` throws.
 */
function repeat(timesPerTurn: number, once: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    let left = 0;
    const turn = (): void => {
      left = timesPerTurn;
      for (let time = 0; time < timesPerTurn; time++) setImmediate(attempt);
    };
    const attempt = (): void => {
      if (isOver) return;
      left -= 1;
      try {
        isOver = once();
      } catch (error) {
        isOver = true;
        reject(error);
      }
      if (isOver) resolve();
      else if (left === 0) turn();
    };
    turn();
  });
}
