import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Clock } from "../../../ports/clock.ts";

/** Begins the names of what only the holder of the lock may touch: builds and removals that have not come to their end. */
export const DRAFT_PREFIX = ".building-";

/** How often somebody else's build is looked at again. */
const POLL_MS = 500;
/** Source: SQLITE_BUSY, https://www.sqlite.org/rescode.html */
const SQLITE_BUSY = 5;

/**
 * Takes a folder of images for one builder, waiting for another that has it. The hold is a lock of the kernel on a file in
 * that folder: it ends with the process, however that ends. @param onWait told once, when it has to wait.
 */
export async function lockImages(
  imagesDir: string,
  onWait: () => void,
  clock: Clock,
  signal: AbortSignal,
): Promise<Disposable> {
  await mkdir(imagesDir, { recursive: true, mode: 0o700 });
  let hasWaited = false;
  for (;;) {
    signal.throwIfAborted();
    const database = new DatabaseSync(join(imagesDir, ".build-lock"), { timeout: 0 });
    try {
      database.exec("BEGIN EXCLUSIVE");
      return { [Symbol.dispose]: () => database.close() };
    } catch (error) {
      database.close();
      if (!(error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY)) throw error;
    }
    if (!hasWaited) onWait();
    hasWaited = true;
    await clock.sleep(POLL_MS, signal);
  }
}
