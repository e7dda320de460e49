import { execFileSync } from "node:child_process";
import { createHash, randomInt } from "node:crypto";

/**
 * A seed that no other state of the source has had, said aloud. The committed tree decides it, so that a check that fails on a
 * commit fails there again, and one that passed is not left to luck; outside a clone, chance does.
 * @param name tells the seeds of one tree apart.
 */
export function freshSeed(name: string, what: string): number {
  const tree = treeId();
  const seed = tree === undefined ? randomInt(1_000_000, 2 ** 31) : seedFrom(`${tree} ${name}`);
  console.log(`${what}: seed ${seed}`);
  return seed;
}

const seedFrom = (text: string): number => createHash("sha256").update(text).digest().readUInt32BE() >>> 1;

function treeId(): string | undefined {
  try {
    return execFileSync("git", ["rev-parse", "HEAD^{tree}"], { cwd: import.meta.dirname, encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}
