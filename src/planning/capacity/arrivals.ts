import type { EpochMs } from "../../domain/ids.ts";

/** When jobs became ready for a machine, and how long each held it. Both lists run in step. */
export interface Arrivals {
  /** Epoch milliseconds, oldest first; several jobs may share one instant. */
  readonly readyAt: Float64Array;
  /** In milliseconds, ≥ 0. */
  readonly durationMs: Float64Array;
}

/** Puts arrivals in order of time. Both lists are taken over, not copied, when they are in order already. */
export function sortArrivals(readyAt: Float64Array, durationMs: Float64Array): Arrivals {
  const isSorted = readyAt.every((at, index) => index === 0 || at >= (readyAt[index - 1] ?? at));
  if (isSorted) return { readyAt, durationMs };
  const order = Uint32Array.from(readyAt.keys()).sort((a, b) => (readyAt[a] ?? 0) - (readyAt[b] ?? 0) || a - b);
  return {
    readyAt: Float64Array.from(order, (index) => readyAt[index] ?? 0),
    durationMs: Float64Array.from(order, (index) => durationMs[index] ?? 0),
  };
}

/** Arrivals of a stretch, and the times of those that came before it. */
export interface CutArrivals {
  readonly before: Float64Array;
  readonly arrivals: Arrivals;
  readonly from: EpochMs;
  readonly to: EpochMs;
}

/** Takes the jobs of [from, to), and when those before came. Views of the given lists, no copies. */
export function cutArrivals({ readyAt, durationMs }: Arrivals, from: EpochMs, to: EpochMs): CutArrivals {
  const [first, end] = [indexFrom(readyAt, from), indexFrom(readyAt, to)];
  return {
    before: readyAt.subarray(0, first),
    arrivals: { readyAt: readyAt.subarray(first, end), durationMs: durationMs.subarray(first, end) },
    ...{ from, to },
  };
}

/** The place of the first instant that is not before `at`. */
function indexFrom(readyAt: Float64Array, at: EpochMs): number {
  let [low, high] = [0, readyAt.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((readyAt[middle] ?? Infinity) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
