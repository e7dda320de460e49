import { createHash } from "node:crypto";
import { mkdir, mkdtemp, open, rename, rm, utimes } from "node:fs/promises";
import { join } from "node:path";
import { NotFoundError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Archives } from "../ports/files.ts";
import { isMissing, onDisk } from "./files.ts";
import { removeOlder } from "./removeOlder.ts";

const STORING = "store the uploaded archive";

/** Keeps uploaded archives as plain files, mode 0600, named by their SHA-256; a file's mtime is its last use. */
export function createArchives(dir: string, deps: { readonly clock: Pick<Clock, "now"> }): Archives {
  const pathOf = (archiveId: string): string => join(dir, `${archiveId}.tar`);
  const touch = async (path: string): Promise<void> => {
    const nowSeconds = deps.clock.now() / 1000;
    await utimes(path, nowSeconds, nowSeconds);
  };
  return {
    async put(bytes, signal) {
      await onDisk(STORING, mkdir(dir, { recursive: true, mode: 0o700 }));
      const partDir = await onDisk(STORING, mkdtemp(join(dir, "part-")));
      try {
        const part = join(partDir, "archive");
        const archiveId = await writePart(part, bytes, signal);
        await onDisk(STORING, touch(part));
        await onDisk(STORING, rename(part, pathOf(archiveId)));
        return archiveId;
      } finally {
        await rm(partDir, { recursive: true, force: true });
      }
    },
    async open(archiveId) {
      const missing = new NotFoundError("archive-not-found", `There is no archive ${archiveId}`);
      // The id comes from a stranger: it must not lead out of the directory.
      if (!/^[0-9a-f]{64}$/.test(archiveId)) throw missing;
      try {
        const path = pathOf(archiveId);
        // Touched first, so that a pruning that runs now spares it.
        await onDisk(`open archive ${archiveId}`, touch(path));
        const handle = await onDisk(`open archive ${archiveId}`, open(path, "r"));
        return handle.createReadStream();
      } catch (error) {
        throw isMissing(error) ? missing : error;
      }
    },
    prune: (usedBeforeMs) => removeOlder(dir, usedBeforeMs),
  };
}

/** Writes a stream to a new file, chunk by chunk; answers the SHA-256 of its bytes in hex. */
async function writePart(path: string, bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const handle = await onDisk(STORING, open(path, "wx", 0o600));
  try {
    for await (const chunk of bytes) {
      signal.throwIfAborted();
      hash.update(chunk);
      await onDisk(STORING, handle.appendFile(chunk));
    }
    signal.throwIfAborted();
    return hash.digest("hex");
  } finally {
    await handle.close();
  }
}
