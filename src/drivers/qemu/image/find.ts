import { join } from "node:path";
import { NotFoundError } from "../../../domain/errors.ts";
import type { BootImage } from "../options.ts";
import type { ImageManifest } from "./manifest.ts";
import { imageFolder, isImageName, readCurrent, readManifest } from "./manifest.ts";

/** An image that machines can be launched from. Its files are never written again. */
export type GuestImage = BootImage & ImageManifest;

/** Finds the image that a name stands for now. @throws NotFoundError `image-not-found`, saying how to build it. */
export async function findImage(imagesDir: string, name: string): Promise<GuestImage> {
  const digest = isImageName(name) ? await readCurrent(imagesDir, name) : undefined;
  const image = digest === undefined ? undefined : await readImage(imagesDir, name, digest);
  if (image === undefined)
    throw new NotFoundError("image-not-found", `no guest image "${name}" in ${imagesDir}: run \`mayfly image build\``);
  return image;
}

/** Reads one version of an image; undefined when it was not built. */
export async function readImage(imagesDir: string, name: string, digest: string): Promise<GuestImage | undefined> {
  const folder = imageFolder(imagesDir, name, digest);
  const manifest = await readManifest(folder);
  if (manifest?.digest !== digest) return undefined;
  return {
    ...manifest,
    diskPath: join(folder, "disk.qcow2"),
    kernelPath: join(folder, "vmlinuz"),
    initrdPath: join(folder, "initrd.img"),
  };
}
