import { createReadStream } from "node:fs";
import { lstat, readlink } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";
import type { Header, Pack } from "tar-stream";
import { SystemError } from "../domain/errors.ts";
import { projectFiles } from "./projectFiles.ts";

/**
 * Packs a project's folder as a tar stream, file by file as it is read, anew each time that it is read: an upload that broke
 * off is sent again. Modes, times and symbolic links are kept, owners not.
 * @throws SystemError `archive-failed` naming the file that could not be read or changed under way.
 */
export function packProject(folder: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => packOnce(folder, signal) };
}

async function* packOnce(folder: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const files = await projectFiles(folder, signal);
  const archive = pack();
  // A failure travels through the archive to whoever reads it.
  const packing = packAll(archive, folder, files, signal).catch((error: Error) => archive.destroy(error));
  try {
    for await (const bytes of archive) yield bytes as Uint8Array;
  } finally {
    archive.destroy();
    await packing;
  }
}

async function packAll(archive: Pack, folder: string, files: readonly string[], signal: AbortSignal): Promise<void> {
  for (const name of files) {
    signal.throwIfAborted();
    if (archive.destroyed) return;
    try {
      await packFile(archive, folder, name, signal);
    } catch (error) {
      signal.throwIfAborted();
      const words = error instanceof Error ? error.message : String(error);
      throw new SystemError("archive-failed", `could not pack ${join(folder, name)}: ${words}`, { cause: error });
    }
  }
  archive.finalize();
}

async function packFile(archive: Pack, folder: string, name: string, signal: AbortSignal): Promise<void> {
  const path = join(folder, name);
  const stats = await lstat(path);
  const headers: Pick<Header, "name" | "mode" | "mtime"> = { name, mode: stats.mode & 0o7777, mtime: stats.mtime };
  if (stats.isSymbolicLink()) archive.entry({ ...headers, type: "symlink", linkname: await readlink(path) });
  else if (stats.isDirectory()) archive.entry({ ...headers, type: "directory" });
  else if (stats.isFile()) {
    const entry = archive.entry({ ...headers, type: "file", size: stats.size });
    // A file that grows is cut at the size that was promised; one that shrinks fails by the entry's own check.
    const body = stats.size === 0 ? [] : createReadStream(path, { end: stats.size - 1 });
    await pipeline(body, entry, { signal });
  }
}
