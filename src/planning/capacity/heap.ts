/** Things with an instant, of which the earliest is taken first. */
export interface Heap<Item extends { readonly at: number }> {
  readonly size: () => number;
  /** When the earliest is due; Infinity when there is none. */
  readonly nextAt: () => number;
  readonly push: (item: Item) => void;
  readonly pop: () => Item | undefined;
}

/** Creates an empty binary heap. */
export function createHeap<Item extends { readonly at: number }>(): Heap<Item> {
  const items: Item[] = [];
  const at = (index: number): number => items[index]?.at ?? Number.POSITIVE_INFINITY;

  const push = (item: Item): void => {
    let index = items.push(item) - 1;
    for (;;) {
      const parent = (index - 1) >> 1;
      const above = items[parent];
      if (above === undefined || above.at <= item.at) break;
      items[index] = above;
      index = parent;
    }
    items[index] = item;
  };

  const pop = (): Item | undefined => {
    const top = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return top;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const child = at(left + 1) < at(left) ? left + 1 : left;
      const below = items[child];
      if (below === undefined || below.at >= last.at) break;
      items[index] = below;
      index = child;
    }
    items[index] = last;
    return top;
  };

  return { size: () => items.length, nextAt: () => at(0), push, pop };
}
