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
  /** Runs `run` after `ms`, unless it is called off first. Answers how to call it off. */
  schedule(ms: number, run: () => void): () => void;
}

interface Timer extends Due {
  /** Undefined once it was called off: then it is dropped when its time comes, which is cheaper than to look for it. */
  run: (() => void) | undefined;
}

/** Creates a clock that shows `startMs`. What is due at one instant happens in the order in which it was asked for. */
export function createVirtualClock(startMs: EpochMs): VirtualClock {
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
      await settle();
      while (step(untilMs)) await settle();
      passedMs = untilMs;
    },
    async advanceUntil(isDone, maxMs) {
      const untilMs = passedMs + maxMs;
      await settle();
      while (!isDone()) {
        if (!step(untilMs)) throw new Error(`not done after ${passedMs} virtual ms, and nobody wakes`);
        await settle();
      }
    },
  };
}

/** One turn of the event loop: every promise chain and stream that can go on without the clock has gone on by then. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
