import type { Random } from "../ports/random.ts";

const ID_LENGTH = 12;
const DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz";

/** Creates a repeatable source of randomness: one seed, one sequence. Source of the algorithm: mulberry32, public domain. */
export function createSeededRandom(seed: number): Random {
  let state = seed >>> 0;

  const fraction = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const digit = (): string => DIGITS.charAt(Math.floor(fraction() * DIGITS.length));

  return { fraction, id: (prefix) => `${prefix}-${Array.from({ length: ID_LENGTH }, digit).join("")}` };
}
