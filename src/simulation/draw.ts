import type { Random } from "../ports/random.ts";
import { createSeededRandom } from "./random.ts";

/** Decisions drawn from one seeded sequence. */
export interface Draw {
  /** Uniform in [0, 1). */
  fraction(): number;
  /** A whole number, `least` to `most`, both included. */
  between(least: number, most: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
  pick<Item>(items: readonly [Item, ...Item[]]): Item;
}

/** Draws from a source of randomness. */
function drawFrom(random: Pick<Random, "fraction">): Draw {
  const between = (least: number, most: number): number => least + Math.floor(random.fraction() * (most - least + 1));
  return {
    fraction: random.fraction,
    between,
    chance: (probability) => random.fraction() < probability,
    pick: (items) => items[Math.floor(random.fraction() * items.length)] ?? items[0],
  };
}

/** Draws for one purpose of one seed: what else is drawn from the seed does not change it. */
export const drawFor = (seed: number, purpose: string): Draw => drawFrom(createSeededRandom(mixed(seed, purpose)));

/** FNV-1a over a purpose, started from the seed. */
export function mixed(seed: number, purpose: string): number {
  let hash = (0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1)) >>> 0;
  for (let index = 0; index < purpose.length; index++) {
    hash = Math.imul(hash ^ purpose.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash;
}
