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
