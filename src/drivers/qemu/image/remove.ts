import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { ConflictError } from "../../../domain/errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import { removeGoldenOf } from "../golden/list.ts";
import { findImage } from "./find.ts";
import { DRAFT_PREFIX, lockImages } from "./lock.ts";
import { pointerPath, versionFolders } from "./manifest.ts";

export interface RemoveDeps {
  readonly clock: Clock;
  /** Answers the machines that were started from an image's folder. */
  readonly machinesFrom: (imageFolder: string) => Promise<readonly string[]>;
}

/**
 * Removes an image in all its versions, with the golden states that were made of it.
 * @throws NotFoundError when there is none; ConflictError `image-in-use`, naming the machines, while any was started from it.
 */
export async function removeImage(
  imagesDir: string,
  name: string,
  { clock, machinesFrom }: RemoveDeps,
  signal: AbortSignal,
): Promise<void> {
  await findImage(imagesDir, name);
  using _lock = await lockImages(imagesDir, () => undefined, clock, signal);
  const folders = await versionFolders(imagesDir, name);
  const machines = (await Promise.all(folders.map(machinesFrom))).flat();
  if (machines.length > 0)
    throw new ConflictError(
      "image-in-use",
      `image "${name}" is in use by ${machines.join(", ")}: terminate them first`,
    );
  // First of all it can no longer be found, so that no new machine starts from it.
  await rm(pointerPath(imagesDir, name), { force: true });
  await removeGoldenOf(imagesDir, name, clock, signal);
  await removeFolders(imagesDir, folders);
}

/** Removes versions so that none is ever seen in part; the next build sweeps up after a crash. */
export async function removeFolders(imagesDir: string, folders: readonly string[]): Promise<void> {
  for (const [index, folder] of folders.entries()) {
    const doomed = join(imagesDir, `${DRAFT_PREFIX}doomed-${index}`);
    await rm(doomed, { recursive: true, force: true });
    await rename(folder, doomed);
    await rm(doomed, { recursive: true, force: true });
  }
}

/** Removes what builds and removals left that were cut short. Only for the holder of the lock. */
export async function removeDrafts(imagesDir: string): Promise<void> {
  const drafts = (await readdir(imagesDir)).filter((name) => name.startsWith(DRAFT_PREFIX));
  await Promise.all(drafts.map((name) => rm(join(imagesDir, name), { recursive: true, force: true })));
}
