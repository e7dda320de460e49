import { stat, statfs } from "node:fs/promises";
import { SystemError } from "../../../domain/errors.ts";

/** Room for the guest's packages and what a job may write before the disk has grown to its own size, in MiB. */
const DISK_MIB = 3_072;
/** The root, its disk twice, and the packages, at their most; 2.6 GB measured in November 2026. */
const SCRATCH_MIB = 3_072;

/** What an image with those archives takes. */
export interface ImageSizes {
  readonly archivesMiB: number;
  /** Size of the disk as the guest sees it, in MiB. */
  readonly diskMiB: number;
  /** Free space that a build needs, in MiB. */
  readonly scratchMiB: number;
}

/** Tells how large an image is going to be. An archive's layers are unpacked, next to copies that are gone later. */
export async function sizesFrom(archives: readonly string[]): Promise<ImageSizes> {
  const sizes = await Promise.all(archives.map(async (path) => (await stat(path)).size / 2 ** 20));
  const archivesMiB = Math.ceil(sizes.reduce((sum, size) => sum + size, 0));
  return { archivesMiB, diskMiB: DISK_MIB + 3 * archivesMiB, scratchMiB: SCRATCH_MIB + 3 * archivesMiB };
}

/** Makes sure that a folder's file system has that room. @throws SystemError `no-disk`. */
export async function checkSpace(folder: string, neededMiB: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const freeMiB = Math.floor((bavail * bsize) / 2 ** 20);
  if (freeMiB < neededMiB)
    throw new SystemError(
      "no-disk",
      `no disk space to build a guest image: it needs ${neededMiB} MiB in ${folder}, which has ${freeMiB} MiB`,
    );
}
