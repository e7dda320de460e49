import { randomBytes } from "node:crypto";
import { closeSync, openSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Change } from "../ports/store.ts";

/** Some 200 commits with all that SQLite writes around them. */
const RESERVE_BYTES = 8 * 2 ** 20;
const CHUNK_BYTES = 2 ** 20;
/** The reserve is taken again when the disk has room for this many of it. */
const ROOM_FOR = 2;

/** Space that a store keeps for the day on which the disk is full: what has happened can still be recorded then. */
export interface Reserve {
  isHeld(): boolean;
  /** Gives the space back to the disk. Answers whether there was any to give. */
  spend(): boolean;
  /** Takes the space again if the disk has enough of it. Answers whether it is held. */
  restore(): boolean;
}

/** Keeps a reserve as a file in a state directory. One that an earlier process held is held on. */
export function createReserve(stateDir: string): Reserve {
  const path = join(stateDir, "mayfly.reserve");
  let isHeld = sizeOf(path) === RESERVE_BYTES;
  return {
    isHeld: () => isHeld,
    spend() {
      const had = isHeld;
      isHeld = false;
      rmSync(path, { force: true });
      return had;
    },
    restore() {
      if (isHeld) return true;
      try {
        const { bavail, bsize } = statfsSync(stateDir);
        isHeld = bavail * bsize >= ROOM_FOR * RESERVE_BYTES && fill(path);
      } catch {
        rmSync(path, { force: true });
      }
      return isHeld;
    },
  };
}

/** Tells whether changes begin something: a machine, or a job with all that it brings. The reserve is not for those. */
export const isBeginning = (changes: readonly Change[]): boolean =>
  changes.some((change) => change.kind === "machine-added" || (change.kind === "job" && change.spec !== undefined));

function fill(path: string): true {
  const file = openSync(path, "w", 0o600);
  try {
    // A file system that compresses keeps no space for zeros.
    const chunk = randomBytes(CHUNK_BYTES);
    for (let size = 0; size < RESERVE_BYTES; ) size += writeSync(file, chunk);
    return true;
  } finally {
    closeSync(file);
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
