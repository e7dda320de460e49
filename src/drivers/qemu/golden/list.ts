import { goldenFolders, goldenRoot } from "./folder.ts";
import { diskBytesOf, problemWith, readManifest, usedAt } from "./manifest.ts";
import type { GoldenManifest } from "./manifest.ts";
import { lockImages } from "../image/lock.ts";
import type { Clock } from "../../../ports/clock.ts";
import { removeState } from "./sweep.ts";

/** A golden state as people are told of it. */
export interface ListedGolden extends Pick<GoldenManifest, "key" | "cpus" | "memoryMiB" | "diskGiB" | "createdAt"> {
  readonly imageName: string;
  readonly imageDigest: string;
  /** What it takes of the disk, in bytes. */
  readonly bytes: number;
  readonly usedAt: number;
  /** Images that were to be in it and are not, each with why. */
  readonly lacking: readonly string[];
  /** Why no machine is restored from it; empty when all is well. */
  readonly problem: string;
}

/**
 * Answers the golden states of a folder of images, those used last first.
 * @param qemuVersion see problemWith.
 */
export async function listGolden(imagesDir: string, qemuVersion?: string): Promise<readonly ListedGolden[]> {
  const root = await goldenRoot(imagesDir).catch(() => undefined);
  if (root === undefined) return [];
  const states = await Promise.all((await goldenFolders(root)).map(readManifest));
  const listed = states
    .filter((state) => state !== undefined)
    .map(async (state) => {
      const { key, cpus, memoryMiB, diskGiB, createdAt, image } = state;
      const [bytes, used, problem] = await Promise.all([
        diskBytesOf(state),
        usedAt(state),
        problemWith(state, qemuVersion),
      ]);
      const shape = { key, cpus, memoryMiB, diskGiB, createdAt };
      const lacking = (state.preloaded?.images ?? []).flatMap(({ image: name, problem: why }) =>
        why === undefined ? [] : [`${name} (${why})`],
      );
      return { ...shape, lacking, imageName: image.name, imageDigest: image.digest, bytes, usedAt: used, problem };
    });
  return (await Promise.all(listed)).sort((a, b) => b.usedAt - a.usedAt);
}

/** Removes all golden states of an image, whatever its version. Machines that were restored from them go on. */
export async function removeGoldenOf(
  imagesDir: string,
  imageName: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const root = await goldenRoot(imagesDir);
  const folders = await goldenFolders(root);
  if (folders.length === 0) return;
  using _lock = await lockImages(root, () => undefined, clock, signal);
  for (const folder of folders) {
    const state = await readManifest(folder);
    if (state === undefined || state.image.name === imageName) await removeState(folder);
  }
}
