import { randomUUID } from "node:crypto";
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { isErrno } from "../errors.ts";

/** What a built image says of itself; kept beside its disk. */
const manifestSchema = z.object({
  name: z.string(),
  digest: z.string(),
  kernelArgs: z.string(),
  createdAt: z.number(),
  /** The disk's size as the guest sees it. */
  diskBytes: z.number(),
  /** Container images that were loaded into the engine, `name:tag`. */
  loaded: z.array(z.string()),
});
export type ImageManifest = z.infer<typeof manifestSchema>;

const pointerSchema = z.object({ digest: z.string() });

/** Hex digits of a digest that name an image's folder. */
const DIGITS = 12;
/** What image names are made of; also keeps them inside the images' folder. */
const NAME = "[a-z0-9][a-z0-9.-]*";
const POINTER = new RegExp(`^(${NAME})\\.json$`);

/** Tells whether a name can be an image's. */
export const isImageName = (name: string): boolean => new RegExp(`^${NAME}$`).test(name);

/** The folder of one version of an image. Never changed once it is there. */
export const imageFolder = (imagesDir: string, name: string, digest: string): string =>
  join(imagesDir, `${name}-${digest.slice(0, DIGITS)}`);

/** Reads the manifest in an image's folder; undefined when there is none. @throws when it cannot be understood. */
export async function readManifest(folder: string): Promise<ImageManifest | undefined> {
  const text = await readIfThere(join(folder, "manifest.json"));
  return text === undefined ? undefined : manifestSchema.parse(JSON.parse(text));
}

/** Writes the manifest into an image's folder. */
export const writeManifest = (folder: string, manifest: ImageManifest): Promise<void> =>
  writeFile(join(folder, "manifest.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);

/** Answers the digest that a name stands for; undefined when it stands for nothing. */
export async function readCurrent(imagesDir: string, name: string): Promise<string | undefined> {
  const text = await readIfThere(pointerPath(imagesDir, name));
  return text === undefined ? undefined : pointerSchema.parse(JSON.parse(text)).digest;
}

/** Lets a name stand for a digest, at one stroke. */
export async function writeCurrent(imagesDir: string, name: string, digest: string): Promise<void> {
  const draft = join(imagesDir, `.${name}-${randomUUID()}`);
  await writeFile(draft, `${JSON.stringify({ digest })}\n`);
  await rename(draft, pointerPath(imagesDir, name));
}

/** Names that stand for an image, sorted. */
export async function imageNames(imagesDir: string): Promise<string[]> {
  try {
    const names = (await readdir(imagesDir)).map((file) => POINTER.exec(file)?.[1]);
    return names.filter((name) => name !== undefined).sort();
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}

/** The folders of all versions of an image, the one that its name stands for and older ones. */
export async function versionFolders(imagesDir: string, name: string): Promise<string[]> {
  const version = new RegExp(`^${name.replaceAll(".", "\\.")}-[0-9a-f]{${DIGITS}}$`);
  return (await readdir(imagesDir)).filter((file) => version.test(file)).map((file) => join(imagesDir, file));
}

/** The file that says which digest a name stands for. */
export const pointerPath = (imagesDir: string, name: string): string => join(imagesDir, `${name}.json`);

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}
