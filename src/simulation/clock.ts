import type { EpochMs } from "../domain/ids.ts";
import type { Clock } from "../ports/clock.ts";

/** A clock that stands still until it is told to go on. */
export interface VirtualClock extends Clock {
  /** Lets `ms` (≥ 0) pass: due sleepers wake one by one, in order of their time, and what they set going settles in between. */
  advance(ms: number): Promise<void>;
  /** Goes on from sleeper to sleeper until `isDone`. @throws Error when it is not done after `maxMs`, or nobody sleeps any more. */
  advanceUntil(isDone: () => boolean, maxMs: number): Promise<void>;
}

interface Sleeper {
  readonly at: EpochMs;
  readonly wake: () => void;
}

/** Creates a clock that shows `startMs`. Sleepers of one instant wake in the order in which they went to sleep. */
export function createVirtualClock(startMs: EpochMs): VirtualClock {
  let nowMs = startMs;
  const sleepers = new Set<Sleeper>();

  // Strictly smaller, so that among equals the one that was added first is found.
  const next = (untilMs: EpochMs): Sleeper | undefined => {
    let first: Sleeper | undefined;
    for (const sleeper of sleepers) if (sleeper.at <= untilMs && sleeper.at < (first?.at ?? Infinity)) first = sleeper;
    return first;
  };
  const wake = (sleeper: Sleeper): void => {
    sleepers.delete(sleeper);
    nowMs = Math.max(nowMs, sleeper.at);
    sleeper.wake();
  };

  return {
    now: () => nowMs,
    monotonic: () => nowMs - startMs,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const sleeper = { at: nowMs + Math.max(0, ms), wake: resolve };
      const abort = (): void => reject(signal?.reason);
      sleepers.add(sleeper);
      signal?.addEventListener("abort", abort, { once: true });
      try {
        await promise;
      } finally {
        sleepers.delete(sleeper);
        signal?.removeEventListener("abort", abort);
      }
    },
    async advance(ms) {
      const untilMs = nowMs + ms;
      await settle();
      for (let sleeper = next(untilMs); sleeper !== undefined; sleeper = next(untilMs)) {
        wake(sleeper);
        await settle();
      }
      nowMs = untilMs;
    },
    async advanceUntil(isDone, maxMs) {
      const untilMs = nowMs + maxMs;
      await settle();
      while (!isDone()) {
        const sleeper = next(untilMs);
        if (sleeper === undefined) throw new Error(`not done after ${nowMs - startMs} virtual ms, and nobody wakes`);
        wake(sleeper);
        await settle();
      }
    },
  };
}

/** One turn of the event loop: every promise chain and stream that can go on without the clock has gone on by then. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
