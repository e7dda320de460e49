import { access, constants, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { Check } from "./check.ts";

const GIB = 2 ** 30;
/** A guest image's build needs about as much while it works. */
const BUILD_BYTES = 10 * GIB;

export interface DiskPlaces {
  readonly stateDir: string;
  readonly imagesDir: string;
  /** With less at the state directory, nothing is launched. */
  readonly minFreeBytes: number;
}

/** Looks at where state and guest images are, or will be, kept: whether it can be written, and how much room there is. */
export async function checkDisks({ stateDir, imagesDir, minFreeBytes }: DiskPlaces): Promise<readonly Check[]> {
  const state = await existing(stateDir);
  const images = await existing(imagesDir);
  const { free, detail } = await roomAt(state);
  const isOther = (await stat(state)).dev !== (await stat(images)).dev;
  return [
    await checkWritable(stateDir, state),
    free < minFreeBytes
      ? { name: "disk", status: "fail", detail: `${detail}: too little, nothing is launched`, fix: FREE(state) }
      : roomToBuild("disk", state, free, detail),
    ...(isOther
      ? [await roomAt(images).then((room) => roomToBuild("disk of images", images, room.free, room.detail))]
      : []),
  ];
}

const FREE = (path: string): string => `free some space at ${path}, or set \`state_dir\` to a larger disk`;

async function checkWritable(stateDir: string, existingDir: string): Promise<Check> {
  const name = "state directory";
  try {
    await access(existingDir, constants.W_OK);
    return { name, status: "ok", detail: stateDir === existingDir ? stateDir : `${stateDir}, yet to be made` };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "EROFS" ? "its file system is read-only" : "permission is denied";
    const fix = "make it writable for this user, or set another `state_dir`";
    return { name, status: "fail", detail: `${existingDir} cannot be written: ${why}`, fix };
  }
}

function roomToBuild(name: string, path: string, free: number, detail: string): Check {
  if (free >= BUILD_BYTES) return { name, status: "ok", detail };
  return { name, status: "warn", detail: `${detail}: little for the build of a guest image`, fix: FREE(path) };
}

async function roomAt(path: string): Promise<{ readonly free: number; readonly detail: string }> {
  const { bavail, blocks, bsize } = await statfs(path);
  const free = bavail * bsize;
  return { free, detail: `${gib(free)} of ${gib(blocks * bsize)} free at ${path}` };
}

/** Writes an amount as people read it. */
export const gib = (bytes: number): string => `${(bytes / GIB).toFixed(1)} GiB`;

/** The folder, or the closest one above it that is there already. */
async function existing(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    if (dirname(path) === path) throw error;
    return existing(dirname(path));
  }
}
