/**
 * Gives the waits of a constant level with nothing but sorted lists: the n-th job in the queue gets the n-th machine that
 * comes ready, whoever ordered it. Shares no line with what it checks.
 */
export function simulateConstantLevel(
  times: readonly number[],
  level: number,
  bootMsOf: (order: number) => number,
): number[] {
  const queue = times.toSorted((a, b) => a - b);
  const ready = [...Array.from({ length: level }, () => 0), ...queue.map((at, order) => at + bootMsOf(order))];
  ready.sort((a, b) => a - b);
  return queue.map((at, n) => Math.max(0, (ready[n] ?? Number.NaN) - at));
}
