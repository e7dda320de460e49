import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { STAND_IN_NAMES, STAND_INS } from "./images.ts";
import type { StandInName } from "./images.ts";
import { buildLayers, LAYER_NAMES } from "./layers.ts";
import type { LayerName } from "./layers.ts";
import { linkImage, storeFile, storeJson } from "./storage.ts";
import type { Descriptor, Storage } from "./storage.ts";

/** Built stand-ins, on disk. */
export interface StandIns {
  /** Storage that a docker-registry can serve as it is. */
  readonly storage: Storage;
  readonly images: Readonly<Record<StandInName, ImageBlobs>>;
}

/** The blobs of an image; its layers the lowest first. */
interface ImageBlobs {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface EnsureOptions {
  /** @default `$XDG_CACHE_HOME/mayfly`, else `~/.cache/mayfly` */
  readonly cacheDir?: string | undefined;
  /** Told in a sentence when a long step begins. */
  readonly onProgress?: ((text: string) => void) | undefined;
}

const HERE = fileURLToPath(new URL(".", import.meta.url));
const INDEX = "images.json";

/**
 * Answers the stand-ins of the present recipe, building them first when the cache has none. Safe for concurrent calls,
 * of other processes too: the first to finish wins.
 * @throws SystemError when they cannot be built.
 */
export async function ensureStandIns(options: EnsureOptions, signal: AbortSignal): Promise<StandIns> {
  const cacheDir = options.cacheDir ?? join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "mayfly");
  const directory = join(cacheDir, `standins-${await recipeDigest()}`);
  if (!existsSync(directory)) {
    options.onProgress?.("Building stand-in images from Debian's packages (about half a minute, once)");
    await mkdir(cacheDir, { recursive: true });
    const draft = await mkdtemp(join(cacheDir, "standins-draft-"));
    try {
      await buildStandIns(draft, signal);
      await publish(draft, directory);
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  }

  const images = JSON.parse(await readFile(join(directory, INDEX), "utf8")) as StandIns["images"];
  return { storage: { root: join(directory, "registry") }, images };
}

async function buildStandIns(directory: string, signal: AbortSignal): Promise<void> {
  const storage: Storage = { root: join(directory, "registry") };
  await buildLayers(directory, signal);
  // Not compressed: where the CPU is emulated, gunzip costs more than the bytes that it saves on a loopback network.
  const store = (name: LayerName): Promise<Descriptor> =>
    storeFile(storage, join(directory, `${name}.tar`), "application/vnd.docker.image.rootfs.diff.tar");
  const stored = await Promise.all(LAYER_NAMES.map(async (name) => [name, await store(name)] as const));
  const layers = Object.fromEntries(stored) as Record<LayerName, Descriptor>;

  const images: Partial<Record<StandInName, ImageBlobs>> = {};
  for (const name of STAND_IN_NAMES) {
    images[name] = await storeImage(
      storage,
      name,
      STAND_INS[name].layers.map((layer) => layers[layer]),
    );
  }
  await writeFile(join(directory, INDEX), JSON.stringify(images));
}

async function storeImage(storage: Storage, name: StandInName, layers: readonly Descriptor[]): Promise<ImageBlobs> {
  const { repository, tags, config } = STAND_INS[name];
  const created = "1970-01-01T00:00:00Z";
  const image = {
    architecture: "amd64",
    os: "linux",
    created,
    config,
    rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.digest) },
    history: layers.map(() => ({ created, created_by: "stand-in made of Debian's packages" })),
  };
  const blob = await storeJson(storage, image, "application/vnd.docker.container.image.v1+json");
  const mediaType = "application/vnd.docker.distribution.manifest.v2+json";
  const manifest = await storeJson(storage, { schemaVersion: 2, mediaType, config: blob, layers }, mediaType);
  await linkImage(storage, { repository, tags, manifest, blobs: [blob, ...layers] });

  return { config: blob, layers };
}

/** The recipe is everything in this folder: its programs and what they put into the images. */
async function recipeDigest(): Promise<string> {
  const entries = await readdir(HERE, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const hash = createHash("sha256");
  for (const file of files.sort()) {
    hash
      .update(`${file.slice(HERE.length)}\0`)
      .update(await readFile(file))
      .update("\0");
  }
  return hash.digest("hex").slice(0, 16);
}

async function publish(draft: string, directory: string): Promise<void> {
  try {
    await rename(draft, directory);
  } catch (error) {
    // Another process was faster; what it built is the same.
    if (!existsSync(directory)) throw error;
  }
}
