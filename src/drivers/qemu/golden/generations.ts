import { basename, join } from "node:path";
import { goldenFolders } from "./folder.ts";

/** Digits of the time in a generation's name: until the year 10889. */
const DIGITS = 12;

/**
 * The folder of a state that is made now. One that is made anew from time to time has another folder each time, so that machines can be
 * restored from the last one until the next is there.
 */
export const generationFolder = (root: string, key: string, hasGenerations: boolean, now: number): string =>
  join(root, hasGenerations ? `${key}${Math.floor(now).toString(16).padStart(DIGITS, "0")}` : key);

/** The folders of the states of a key, the newest first. */
export async function generationsOf(root: string, key: string): Promise<readonly string[]> {
  const folders = (await goldenFolders(root)).filter((folder) => basename(folder).startsWith(key));
  return folders
    .filter((folder) => [0, DIGITS].includes(basename(folder).length - key.length))
    .toSorted()
    .toReversed();
}
