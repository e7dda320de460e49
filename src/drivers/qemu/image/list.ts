import type { GuestImage } from "./find.ts";
import { readImage } from "./find.ts";
import { imageNames, readCurrent } from "./manifest.ts";

/** Answers the image that each name stands for, by name. */
export async function listImages(imagesDir: string): Promise<readonly GuestImage[]> {
  const images = await Promise.all((await imageNames(imagesDir)).map((name) => currentImage(imagesDir, name)));
  return images.filter((image) => image !== undefined);
}

async function currentImage(imagesDir: string, name: string): Promise<GuestImage | undefined> {
  const digest = await readCurrent(imagesDir, name);
  return digest === undefined ? undefined : readImage(imagesDir, name, digest);
}
