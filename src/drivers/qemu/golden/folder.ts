import { readdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { isErrno } from "../errors.ts";

/** Begins the names of what only the holder of the lock may touch. */
export const DRAFT_PREFIX = ".saving-";

/** Where the golden states of a folder of images are, by its real path: their disks name each other by it. */
export async function goldenRoot(imagesDir: string): Promise<string> {
  return join(await realpath(imagesDir), "golden");
}

/** Folders of golden states below their root; drafts are none. */
export async function goldenFolders(root: string): Promise<string[]> {
  return (await namesIn(root)).filter((name) => /^[0-9a-f]+$/.test(name)).map((name) => join(root, name));
}

/** Folders of states that were being saved, or removed. */
export async function draftFolders(root: string): Promise<string[]> {
  return (await namesIn(root)).filter((name) => name.startsWith(DRAFT_PREFIX)).map((name) => join(root, name));
}

async function namesIn(root: string): Promise<string[]> {
  try {
    return await readdir(root);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}
