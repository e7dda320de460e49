import { randomInt } from "node:crypto";

/** A seed that no run has had before, said aloud: what breaks today must be found again tomorrow. */
export function freshSeed(what: string): number {
  const seed = randomInt(1_000_000, 2 ** 31);
  console.log(`${what}: seed ${seed}`);
  return seed;
}
