/**
 * Finds a short list that still breaks, by leaving out halves, quarters and so on down to single entries. The order is kept.
 * The answer breaks; whether a shorter list would is not proved.
 * @param breaks tells whether a list still breaks; asked at most `mostRuns` times.
 */
export async function shrinkFaults<Fault>(
  faults: readonly Fault[],
  breaks: (some: readonly Fault[]) => Promise<boolean>,
  mostRuns: number,
): Promise<readonly Fault[]> {
  let kept = faults;
  let runs = 0;
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < kept.length && runs < mostRuns; ) {
      const without = [...kept.slice(0, from), ...kept.slice(from + size)];
      runs += 1;
      if (await breaks(without)) kept = without;
      else from += size;
    }
  }
  return kept;
}
