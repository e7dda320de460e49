import { statSync } from "node:fs";
import { join } from "node:path";
import type { Lease } from "../domain/lease.ts";
import type { Machine } from "../domain/machine.ts";
import { checkVersion } from "./migrations.ts";
import { openToRead, storeErrorFrom } from "./sqlite.ts";
import { prepareTables } from "./tables.ts";

/** What a store remembers of leases and machines, newest first, those that are over too. */
export interface StoredHistory {
  readonly leases: readonly Lease[];
  readonly machines: readonly Machine[];
}

/** More than any store keeps of a kind. */
const ALL = 1_000_000;

/**
 * Reads the history in the store of a state directory, and neither takes nor changes it: a daemon may be at work on it.
 * Undefined where there is none.
 * @param reader this version of mayfly, e.g. `mayfly 0.1.0`.
 * @throws SystemError as the store's opening would.
 */
export function readStoredHistory(stateDir: string, reader: string): StoredHistory | undefined {
  const path = join(stateDir, "mayfly.db");
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0) return undefined;
  try {
    using database = openToRead(path);
    checkVersion(database, path, reader);
    const { leases, machines } = prepareTables(database);
    return { leases: leases.recent(ALL), machines: machines.recent(ALL) };
  } catch (error) {
    throw storeErrorFrom(error, path);
  }
}
