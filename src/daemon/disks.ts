import { stat, statfs } from "node:fs/promises";
import type { Disks, DiskSpace } from "../ports/disks.ts";

/** Looks at the file systems that hold a state directory and the guest images. */
export function createDisks(stateDir: string, imagesDir: string): Disks {
  return {
    async look() {
      const state = await spaceAt("state directory", stateDir);
      const images = await stat(imagesDir).catch(() => undefined);
      if (images === undefined || images.dev === (await stat(stateDir)).dev) return [state];
      return [state, await spaceAt("image directory", imagesDir)];
    },
  };
}

async function spaceAt(what: string, path: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await statfs(path);
  return { what, path, freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}
