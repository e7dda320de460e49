import { readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

/** One file of a registry's cache that holds a layer, a manifest or a configuration. */
export interface Blob {
  readonly path: string;
  readonly bytes: number;
  /** When it was read or written last, in ms since 1970; where the file system keeps no times of reading, when it was fetched. */
  readonly usedAt: number;
}

/** Below the folder of settings.ts. Source: registry/storage/paths.go of github.com/distribution/distribution, v2.8. */
const BLOBS = "docker/registry/v2/blobs/sha256";
/** A cache that is full is emptied this far, so that it is not looked through again for each layer. */
const KEPT_SHARE = 0.9;

/** Lists the blobs of a cache; none where there is no cache yet. What goes meanwhile is left out. */
export async function blobsOf(cacheDir: string): Promise<readonly Blob[]> {
  const root = join(cacheDir, BLOBS);
  const prefixes = await namesIn(root);
  const blobs = await Promise.all(
    prefixes.map(async (prefix) =>
      Promise.all((await namesIn(join(root, prefix))).map((name) => blobAt(join(root, prefix, name, "data")))),
    ),
  );
  return blobs.flat().filter((blob) => blob !== undefined);
}

export const bytesOf = (blobs: readonly Blob[]): number => blobs.reduce((sum, { bytes }) => sum + bytes, 0);

/** Chooses what goes from a cache that is larger than it may be: what was not used for longest, until a tenth is free. */
export function chooseDoomed(blobs: readonly Blob[], maxBytes: number): readonly Blob[] {
  if (bytesOf(blobs) <= maxBytes) return [];
  let kept = 0;
  return blobs
    .toSorted((a, b) => b.usedAt - a.usedAt)
    .filter(({ bytes }) => {
      kept += bytes;
      return kept > maxBytes * KEPT_SHARE;
    });
}

/** Removes blobs: a registry that runs fetches them again when they are asked for, and whoever reads one now reads to its end. */
export async function removeBlobs(blobs: readonly Blob[]): Promise<void> {
  for (const { path } of blobs) await rm(dirname(path), { recursive: true, force: true });
}

async function blobAt(path: string): Promise<Blob | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found && { path, bytes: found.blocks * 512, usedAt: Math.max(found.atimeMs, found.mtimeMs) };
}

const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
