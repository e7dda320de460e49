import { mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SystemError } from "../../../domain/errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Logger } from "../../../ports/logger.ts";
import { argumentsFrom, WAKE_DISK } from "../command.ts";
import { createDisk, writeSeed } from "../disk.ts";
import { findProcesses, killProcess } from "../processes.ts";
import { startQemu } from "../start.ts";
import { DRAFT_PREFIX } from "./folder.ts";
import { generationFolder } from "./generations.ts";
import { goldenKeyFrom } from "./key.ts";
import type { GoldenFacts } from "./key.ts";
import { untilSaid } from "./listen.ts";
import { GOLDEN_FILES, writeManifest } from "./manifest.ts";
import type { GoldenManifest } from "./manifest.ts";
import { saveDevices } from "./migrate.ts";
import { failuresOf, preloadedFrom } from "./preloaded.ts";
import { blankWakeDisk } from "./wake.ts";

/** How often a template that boots is listened to. */
const POLL_MS = 100;

export interface MakeDeps {
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Boots a template, saves it once it waits to be copied, and ends it. For the holder of the lock, when there is no such state.
 * The template ends with this process, and leaves nothing when it is not saved.
 * @param before the state in whose place it comes, if there is one.
 * @throws SystemError `golden-unusable`; CapacityError; the signal's reason.
 */
export async function makeGolden(
  root: string,
  facts: GoldenFacts,
  before: GoldenManifest | undefined,
  deps: MakeDeps,
  signal: AbortSignal,
): Promise<void> {
  const key = goldenKeyFrom(facts);
  const draft = join(root, `${DRAFT_PREFIX}${key}`);
  const startedAt = deps.clock.now();
  try {
    await mkdir(draft, { mode: 0o700 });
    const heard = await saveTemplate(draft, facts, deps, signal);
    const parts = join(draft, "parts");
    await mkdir(parts, { mode: 0o700 });
    for (const name of GOLDEN_FILES) {
      await flush(join(draft, name));
      await rename(join(draft, name), join(parts, name));
    }
    signal.throwIfAborted();
    const now = deps.clock.now();
    const preloaded = facts.preload && preloadedOf(facts.preload, heard, before, deps.logger);
    await writeManifest(parts, { ...manifestFrom(facts, now), key, preloaded });
    await flush(join(parts, "manifest.json"));
    await rename(parts, generationFolder(root, key, preloaded !== undefined, now));
  } finally {
    await rm(draft, { recursive: true, force: true, maxRetries: 3 });
  }
  deps.logger.info(
    { image: facts.image.name, golden: key, tookMs: deps.clock.now() - startedAt },
    "saved golden state",
  );
}

function preloadedOf(
  names: readonly string[],
  heard: string,
  before: GoldenManifest | undefined,
  logger: Logger,
): GoldenManifest["preloaded"] {
  const images = preloadedFrom(heard, names).map((one) => ({ ...one }));
  for (const { image, problem } of images)
    if (problem !== undefined) logger.warn({ image, problem }, "a golden state lacks an image that was to be there");
  return { images, failures: failuresOf(images, before) };
}

/** Answers what the template said. */
async function saveTemplate(draft: string, facts: GoldenFacts, deps: MakeDeps, signal: AbortSignal): Promise<string> {
  const { image, shape, accelerator, template } = facts;
  const { clock } = deps;
  await createDisk(draft, image, shape, signal);
  await writeSeed(draft, template);
  await writeFile(join(draft, WAKE_DISK), blankWakeDisk(), { mode: 0o600 });
  const memory = { path: join(draft, "ram.img"), isTemplate: true };
  const argv = argumentsFrom({ folder: draft, providerId: "template", shape, image, accelerator, memory });
  try {
    const qemu = await startQemu(draft, argv, clock, signal, { endsWithUs: true });
    try {
      const heard = await untilSaid("ready", qemu, POLL_MS, clock, signal);
      await saveDevices(qemu, "devices.bin", clock, signal);
      return heard;
    } finally {
      qemu.close();
    }
  } finally {
    await endTemplate(draft, clock);
  }
}

/** Ends what runs in a draft's folder; whoever aborts the making waits for that. */
export async function endTemplate(draft: string, clock: Clock): Promise<void> {
  const process = (await findProcesses(join(draft, ".."))).get(draft);
  if (process !== undefined) await killProcess(process, clock, new AbortController().signal);
}

function manifestFrom({ image, shape, qemuVersion }: GoldenFacts, createdAt: number) {
  const { name, digest, diskPath } = image;
  const { cpus, memoryMiB, diskGiB } = shape;
  return { image: { name, digest, diskPath }, cpus, memoryMiB, diskGiB, qemuVersion, createdAt };
}

/** A power cut must not leave a state that has a manifest but not its memory. */
async function flush(path: string): Promise<void> {
  const file = await open(path, "r").catch((cause: unknown) => {
    throw new SystemError("golden-unusable", `the template left no ${path}`, { cause });
  });
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
