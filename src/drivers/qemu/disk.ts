import { execFile } from "node:child_process";
import { mkdir, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { SystemError } from "../../domain/errors.ts";
import type { QemuShape } from "../../domain/shape.ts";
import type { CloudInit } from "../../ports/seed.ts";
import { errorFrom } from "./errors.ts";
import type { BootImage } from "./options.ts";

const run = promisify(execFile);

/** Makes the machine's own disk: empty, over the image's. @throws SystemError `disk-too-small`, `qemu-missing`. */
export async function createDisk(
  folder: string,
  image: BootImage,
  shape: QemuShape,
  signal: AbortSignal,
): Promise<void> {
  const imageBytes = await virtualBytesOf(image.diskPath);
  const bytes = shape.diskGiB * 2 ** 30;
  if (bytes < imageBytes)
    throw new SystemError(
      "disk-too-small",
      `Expected \`disk\` of image "${image.name}" to be ≥ ${Math.ceil(imageBytes / 2 ** 30)}GiB, got ${shape.diskGiB}GiB`,
    );
  const from = ["-b", image.diskPath, "-F", "qcow2"];
  try {
    await run("qemu-img", ["create", "-q", "-f", "qcow2", ...from, join(folder, "disk.qcow2"), String(bytes)], {
      signal,
    });
  } catch (error) {
    throw errorFrom(error, "qemu-img");
  }
}

/** Writes what the machine is told at first boot, for the eyes of this user and the machine alone. */
export async function writeSeed(folder: string, seed: CloudInit): Promise<void> {
  const directory = join(folder, "seed");
  await mkdir(directory, { mode: 0o700 });
  await writeFile(join(directory, "user-data"), seed.userData, { mode: 0o600 });
  await writeFile(join(directory, "meta-data"), seed.metaData, { mode: 0o600 });
}

/** Source: QEMU's docs/interop/qcow2.txt: the header's bytes 24-31 are the virtual size. */
async function virtualBytesOf(diskPath: string): Promise<number> {
  const file = await open(diskPath, "r");
  try {
    const { buffer } = await file.read({ buffer: Buffer.alloc(32), position: 0 });
    return Number(buffer.readBigUInt64BE(24));
  } finally {
    await file.close();
  }
}
