import type { Clock } from "../../ports/clock.ts";

/** Joins what is asked for one by one into few runs. */
export interface Paced<T> {
  /** Hands an item to the next run. @throws what the run tells of this item, or threw. */
  add(item: T): Promise<void>;
}

export interface Pace {
  /** Waits so long for more before a run, in milliseconds. */
  readonly windowMs: number;
  /** Begins no run sooner than so long after the one before, in milliseconds. */
  readonly intervalMs: number;
  /** Most items of one run, ≥ 1. */
  readonly maxItems: number;
}

/** Items of a run that failed, and why. */
export type Failures<T> = ReadonlyMap<T, unknown>;

/**
 * Creates a batcher: the first item after a pause goes out almost at once, and under load a run takes all that came since the
 * last one. Runs do not wait for each other's answers. After `closing` aborts nothing runs any more, and what waits fails.
 */
export function createPaced<T>(
  run: (items: readonly T[]) => Promise<Failures<T>>,
  { windowMs, intervalMs, maxItems }: Pace,
  clock: Clock,
  closing: AbortSignal,
): Paced<T> {
  let waiting: { readonly item: T; readonly done: PromiseWithResolvers<void> }[] = [];
  let lastAt = -Infinity;
  let isArmed = false;

  const flush = async (): Promise<void> => {
    await clock.sleep(Math.max(windowMs, lastAt + intervalMs - clock.monotonic()), closing);
    lastAt = clock.monotonic();
    const batch = waiting;
    waiting = [];
    isArmed = false;
    for (let first = 0; first < batch.length; first += maxItems) {
      const part = batch.slice(first, first + maxItems);
      run(part.map(({ item }) => item)).then(
        (failures) => {
          for (const { item, done } of part)
            if (failures.has(item)) done.reject(failures.get(item));
            else done.resolve();
        },
        (error: unknown) => {
          for (const { done } of part) done.reject(error);
        },
      );
    }
  };

  return {
    add(item) {
      const done = Promise.withResolvers<void>();
      waiting.push({ item, done });
      if (!isArmed) {
        isArmed = true;
        flush().catch((error: unknown) => {
          for (const one of waiting.splice(0)) one.done.reject(error);
        });
      }
      return done.promise;
    },
  };
}
