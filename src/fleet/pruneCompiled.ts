import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { compiledFolder } from "./compileCache.ts";

/** What was compiled so long ago is of another version, most often; what is still used is compiled again at little cost. */
const KEPT_MS = 30 * 24 * 60 * 60_000;

/**
 * Removes what Node compiled of this program long ago, since every version leaves its own and Node removes none.
 * @param now in ms of the epoch.
 * @throws when the folder cannot be read, or written to.
 */
export async function pruneCompiledCode(env: NodeJS.ProcessEnv, now: number): Promise<void> {
  const folder = compiledFolder(env);
  if (folder === undefined) return;
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name);
    // Another daemon may be doing the same.
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && found.mtimeMs + KEPT_MS < now) await rm(path, { force: true });
  }
}
