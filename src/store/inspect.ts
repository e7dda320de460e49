import { statSync } from "node:fs";
import { join } from "node:path";
import { checkVersion } from "./migrations.ts";
import { checkWhole, openToRead, storeErrorFrom } from "./sqlite.ts";

/**
 * Looks at the store of a state directory, and neither takes nor changes it.
 * @param reader this version of mayfly, e.g. `mayfly 0.1.0`.
 * @throws SystemError `store-newer`, `store-corrupt`, as its opening would.
 */
export function inspectStore(stateDir: string, reader: string): "none" | "sound" {
  const path = join(stateDir, "mayfly.db");
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0) return "none";
  try {
    using database = openToRead(path);
    checkWhole(database, path);
    checkVersion(database, path, reader);
    return "sound";
  } catch (error) {
    throw storeErrorFrom(error, path);
  }
}
