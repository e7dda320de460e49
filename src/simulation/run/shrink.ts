/** What came of making a list shorter. */
export interface Shrunk<Item> {
  readonly kept: readonly Item[];
  /** No single entry can be left out any more: proved for each. False when the time was over first. */
  readonly isMinimal: boolean;
}

/**
 * Finds a short list that still breaks, by delta debugging: it leaves out ever smaller parts, and goes on with single entries
 * until each that is left is needed. The order is kept.
 * @param breaks tells whether a list still breaks. It must say yes to the whole list.
 * @param isLate ends the search with what has been found so far.
 */
export async function shrinkFaults<Item>(
  faults: readonly Item[],
  breaks: (some: readonly Item[]) => Promise<boolean>,
  isLate: () => boolean,
): Promise<Shrunk<Item>> {
  // What breaks by itself needs no search.
  if (faults.length > 0 && !isLate() && (await breaks([]))) return { kept: [], isMinimal: true };
  let kept = faults;
  for (let size = Math.ceil(kept.length / 2); size >= 1; ) {
    let hasShrunk = false;
    for (let from = 0; from < kept.length; ) {
      if (isLate()) return { kept, isMinimal: false };
      const without = [...kept.slice(0, from), ...kept.slice(from + size)];
      if (await breaks(without)) {
        kept = without;
        hasShrunk = true;
      } else from += size;
    }
    // An entry that was needed may have been needed only beside one that went later.
    if (size > 1) size = Math.ceil(size / 2);
    else if (!hasShrunk) size = 0;
  }
  return { kept, isMinimal: true };
}
