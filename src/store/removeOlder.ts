import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { EpochMs } from "../domain/ids.ts";
import { isMissing } from "./files.ts";

/** Removes the entries of a directory that were last modified before an instant. A directory that is not there is success. */
export async function removeOlder(dir: string, modifiedBeforeMs: EpochMs): Promise<void> {
  for (const name of await namesIn(dir)) {
    const path = join(dir, name);
    try {
      if ((await stat(path)).mtimeMs < modifiedBeforeMs) await rm(path, { recursive: true });
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
