import { lstat, readdir } from "node:fs/promises";
import type { Stats } from "node:fs";
import { dirname, join } from "node:path";
import { git } from "./git.ts";

/**
 * Names what belongs to a project, relative to its folder, in order: in a git work tree what is tracked, and what is not but
 * is not ignored either; elsewhere all that is there. Folders are named where they are empty.
 * @throws SystemError `git-failed` when there is a work tree that git cannot read.
 */
export async function projectFiles(folder: string, signal: AbortSignal): Promise<string[]> {
  // Without git's word ignored files, and with them secrets, would travel; so its failure is no reason to take all.
  const files = (await isInWorkTree(folder)) ? await gitFiles(folder, signal) : await allFiles(folder, "", signal);
  return files.sort();
}

async function isInWorkTree(folder: string): Promise<boolean> {
  for (let place = folder; ; place = dirname(place)) {
    if ((await statsOf(join(place, ".git"))) !== undefined) return true;
    if (place === dirname(place)) return false;
  }
}

async function gitFiles(folder: string, signal: AbortSignal): Promise<string[]> {
  const output = await git(folder, ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], signal);
  const names = [...new Set(output.split("\0").filter((name) => name !== ""))];
  const files: string[] = [];
  for (const name of names) {
    const stats = await statsOf(join(folder, name));
    if (stats?.isDirectory()) files.push(...(await nestedFiles(folder, name.replace(/\/$/, ""), signal)));
    // A tracked file that was deleted is still named.
    else if (stats !== undefined) files.push(name);
  }
  return files;
}

/** A submodule, or another repository within this one. */
async function nestedFiles(folder: string, name: string, signal: AbortSignal): Promise<string[]> {
  const nested = join(folder, name);
  if ((await statsOf(join(nested, ".git"))) === undefined) return allFiles(folder, name, signal);
  return (await gitFiles(nested, signal)).map((file) => join(name, file));
}

async function allFiles(folder: string, below: string, signal: AbortSignal): Promise<string[]> {
  signal.throwIfAborted();
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  if (entries.length === 0 && below !== "") return [below];
  const files: string[] = [];
  for (const entry of entries) {
    const name = join(below, entry.name);
    if (entry.isDirectory()) files.push(...(await allFiles(folder, name, signal)));
    else files.push(name);
  }
  return files;
}

async function statsOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
