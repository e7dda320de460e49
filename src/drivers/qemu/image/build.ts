import { mkdir, mkdtemp, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../ports/clock.ts";
import type { Progress, ProgressStep } from "../../../ports/progress.ts";
import type { AcceleratorName } from "../options.ts";
import { bakeImage } from "./bake.ts";
import { writeBusyboxArchive } from "./busybox.ts";
import type { GuestImage } from "./find.ts";
import { readImage } from "./find.ts";
import { DRAFT_PREFIX, lockImages } from "./lock.ts";
import { imageFolder, readCurrent, versionFolders, writeCurrent, writeManifest } from "./manifest.ts";
import type { ImageRecipe } from "./recipe.ts";
import { digestFrom, KERNEL_ARGS } from "./recipe.ts";
import { removeDrafts, removeFolders } from "./remove.ts";
import { buildRoot } from "./root.ts";
import { checkSpace, sizesFrom } from "./space.ts";

export interface BuildDeps {
  readonly clock: Clock;
  /** The accelerator that was seen to work on this host. */
  readonly chooseAccelerator: (signal: AbortSignal) => Promise<AcceleratorName>;
  /** What programs are started with. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isRoot: boolean;
}

export interface BuildOptions {
  readonly imagesDir: string;
  readonly recipe: ImageRecipe;
  readonly progress: Progress;
}

/** What came of a build. */
export interface BuiltImage {
  readonly image: GuestImage;
  /** False when the image was there already. */
  readonly isNew: boolean;
}

/** What the making of the root takes of all the time; loading container images takes the rest. */
const ROOT_SHARE = 0.75;

/**
 * Builds the image of a recipe, unless it is there, and lets the recipe's name stand for it. A build that does not come to its end
 * leaves nothing. Of several at once one builds and the others take its result.
 * @throws ConfigError for a recipe that cannot be; SystemError `no-disk`, `program-missing` or with the failed program's words.
 */
export async function buildImage(options: BuildOptions, deps: BuildDeps, signal: AbortSignal): Promise<BuiltImage> {
  const { imagesDir, recipe, progress } = options;
  const step = progress.step(`Building guest image ${recipe.name}`);
  const startedAt = deps.clock.now();
  try {
    const digest = await digestFrom(recipe, signal);
    // The usual case needs no lock and writes nothing.
    const known = await currentImage(options, digest);
    if (known !== undefined) {
      step.skip(`unchanged recipe, built before (${deps.clock.now() - startedAt} ms)`);
      return { image: known, isNew: false };
    }
    const onWait = (): void => step.update("waiting for another build in the same folder");
    using _lock = await lockImages(imagesDir, onWait, deps.clock, signal);
    const other = await readImage(imagesDir, recipe.name, digest);
    if (other === undefined) await buildDraft(options, digest, step, deps, signal);
    await replaceCurrent(options, digest);
    const image = await readImage(imagesDir, recipe.name, digest);
    if (image === undefined) throw new Error(`image ${recipe.name} ${digest} is not there right after its build`);
    step.done(other === undefined ? `holds ${image.loaded.join(", ")}` : "built by another process");
    return { image, isNew: other === undefined };
  } catch (error) {
    step.fail("");
    throw error;
  }
}

async function currentImage({ imagesDir, recipe }: BuildOptions, digest: string): Promise<GuestImage | undefined> {
  const current = await readCurrent(imagesDir, recipe.name);
  return current === digest ? readImage(imagesDir, recipe.name, digest) : undefined;
}

/**
 * Running machines hold their files open and never start again, so an older version can go; but the last one may be what a
 * launch of this very moment has found.
 */
async function replaceCurrent({ imagesDir, recipe: { name } }: BuildOptions, digest: string): Promise<void> {
  const last = await readCurrent(imagesDir, name);
  await writeCurrent(imagesDir, name, digest);
  const kept = [last ?? digest, digest].map((version) => imageFolder(imagesDir, name, version));
  const older = (await versionFolders(imagesDir, name)).filter((folder) => !kept.includes(folder));
  await removeFolders(imagesDir, older);
}

/** Holding the lock: nobody else's draft can be alive. */
async function buildDraft(
  options: BuildOptions,
  digest: string,
  step: ProgressStep,
  deps: BuildDeps,
  signal: AbortSignal,
): Promise<void> {
  const { imagesDir, recipe } = options;
  await removeDrafts(imagesDir);
  const { scratchMiB } = await sizesFrom(recipe.load);
  await checkSpace(imagesDir, scratchMiB);
  const draft = await mkdtemp(join(imagesDir, DRAFT_PREFIX));
  try {
    const parts = join(draft, "image");
    await mkdir(parts);
    await fillDraft(options, { draft, parts, digest }, step, deps, signal);
    await rename(parts, imageFolder(imagesDir, recipe.name, digest));
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

interface Draft {
  /** For what is gone after the build. */
  readonly draft: string;
  /** Becomes the image's folder. */
  readonly parts: string;
  readonly digest: string;
}

async function fillDraft(
  { recipe }: BuildOptions,
  { draft, parts, digest }: Draft,
  step: ProgressStep,
  { clock, env: hostEnv, isRoot, chooseAccelerator }: BuildDeps,
  signal: AbortSignal,
): Promise<void> {
  // Ordinary users have no sbin on their path; mkfs.ext4 is there.
  const env = { ...hostEnv, PATH: `${hostEnv["PATH"] ?? "/usr/bin:/bin"}:/usr/sbin:/sbin`, LC_ALL: "C.UTF-8" };
  const { diskMiB } = await sizesFrom(recipe.load);
  const onProgress = ({ text, fraction }: { text: string; fraction: number }): void =>
    step.update(text, fraction * ROOT_SHARE);
  await buildRoot({ folder: draft, diskMiB, isRoot, env, onProgress }, clock, signal);
  for (const part of ["disk.qcow2", "vmlinuz", "initrd.img"]) await rename(join(draft, part), join(parts, part));

  step.update("loading container images into the new guest", ROOT_SHARE);
  const busyboxTar = join(draft, "busybox.tar");
  const applets = (await readFile(join(draft, "applets"), "utf8")).split("\n").filter((applet) => applet !== "");
  await writeBusyboxArchive(await readFile(join(draft, "busybox")), applets, busyboxTar, signal);
  const archives = [busyboxTar, ...recipe.load];
  const { archivesMiB } = await sizesFrom(archives);
  const accelerator = await chooseAccelerator(signal);
  const loaded = await bakeImage(
    {
      ...{ folder: parts, archives, archivesMiB, accelerator, env },
      onProgress: (text) => step.update(text, ROOT_SHARE),
    },
    clock,
    signal,
  );
  await writeManifest(parts, {
    ...{ name: recipe.name, digest, kernelArgs: KERNEL_ARGS, createdAt: clock.now() },
    ...{ diskBytes: diskMiB * 2 ** 20, loaded },
  });
  for (const file of await readdir(parts)) await flush(join(parts, file));
}

/** A power cut must not leave an image that has a manifest but no disk. */
async function flush(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
