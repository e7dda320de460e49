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
import { goldenKeyFrom } from "./key.ts";
import type { GoldenFacts } from "./key.ts";
import { untilSaid } from "./listen.ts";
import { GOLDEN_FILES, writeManifest } from "./manifest.ts";
import { saveDevices } from "./migrate.ts";
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
 * @throws SystemError `golden-unusable`; CapacityError; the signal's reason.
 */
export async function makeGolden(root: string, facts: GoldenFacts, deps: MakeDeps, signal: AbortSignal): Promise<void> {
  const key = goldenKeyFrom(facts);
  const draft = join(root, `${DRAFT_PREFIX}${key}`);
  const startedAt = deps.clock.now();
  try {
    await mkdir(draft, { mode: 0o700 });
    await saveTemplate(draft, facts, deps, signal);
    const parts = join(draft, "parts");
    await mkdir(parts, { mode: 0o700 });
    for (const name of GOLDEN_FILES) {
      await flush(join(draft, name));
      await rename(join(draft, name), join(parts, name));
    }
    signal.throwIfAborted();
    await writeManifest(parts, { ...manifestFrom(facts, deps.clock.now()), key });
    await flush(join(parts, "manifest.json"));
    await rename(parts, join(root, key));
  } finally {
    await rm(draft, { recursive: true, force: true, maxRetries: 3 });
  }
  deps.logger.info(
    { image: facts.image.name, golden: key, tookMs: deps.clock.now() - startedAt },
    "saved golden state",
  );
}

async function saveTemplate(draft: string, facts: GoldenFacts, deps: MakeDeps, signal: AbortSignal): Promise<void> {
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
      await untilSaid("ready", qemu, POLL_MS, clock, signal);
      await saveDevices(qemu, "devices.bin", clock, signal);
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
