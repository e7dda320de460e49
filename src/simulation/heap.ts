/** Something that is due at a time; among equals the one that was pushed first goes first. */
export interface Due {
  readonly at: number;
  readonly order: number;
}

/** A binary heap: the earliest first, in O(log n). */
export interface Heap<Item extends Due> {
  push(item: Item): void;
  peek(): Item | undefined;
  pop(): Item | undefined;
}

/** Creates an empty heap. */
export function createHeap<Item extends Due>(): Heap<Item> {
  const items: Item[] = [];

  return {
    peek: () => items[0],
    push(item) {
      let index = items.length;
      items.push(item);
      while (index > 0) {
        const parentIndex = (index - 1) >> 1;
        const parent = items[parentIndex];
        if (parent === undefined || !isBefore(item, parent)) break;
        items[index] = parent;
        index = parentIndex;
      }
      items[index] = item;
    },
    pop() {
      const first = items[0];
      const last = items.pop();
      if (first === undefined || last === undefined || items.length === 0) return first;
      sink(items, last);
      return first;
    },
  };
}

const isBefore = (a: Due, b: Due): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** Puts an item in the place of the first, and lets it sink to where it belongs. */
function sink<Item extends Due>(items: Item[], item: Item): void {
  let index = 0;
  for (;;) {
    const leftIndex = 2 * index + 1;
    const left = items[leftIndex];
    if (left === undefined) break;
    const right = items[leftIndex + 1];
    const isRight = right !== undefined && isBefore(right, left);
    const least = isRight ? right : left;
    if (!isBefore(least, item)) break;
    items[index] = least;
    index = isRight ? leftIndex + 1 : leftIndex;
  }
  items[index] = item;
}
