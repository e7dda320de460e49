import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import type { QemuShape } from "../../src/domain/shape.ts";
import { describeDriverContract } from "../contract/driver.ts";
import { createQemuLab } from "../support/qemu.ts";
import type { QemuLab } from "../support/qemu.ts";
import { withRestoreSeeds } from "../support/restore.ts";

const SHAPE: QemuShape = { driver: "qemu", image: "halting", cpus: 1, memoryMiB: 256, diskGiB: 1 };

const harnessOf = (lab: QemuLab) => ({
  shape: SHAPE,
  createDriver: (owner: string) => lab.createDriver(owner),
  fillUp: () => ({ ...SHAPE, memoryMiB: 1_000_000_000 }),
  endInstance: async (providerId: string) => void process.kill(await lab.pidOf(providerId), "SIGKILL"),
  leftovers: () => lab.leftovers(),
  close: () => lab.close(),
});

describeDriverContract("qemu", async () => harnessOf(await createQemuLab()));

let imagesDir: string;
beforeAll(async () => {
  imagesDir = await mkdtemp(join(tmpdir(), "mayfly-golden-"));
});
afterAll(() => rm(imagesDir, { recursive: true, force: true }));

// All labs share one golden state, which the first launch makes.
describeDriverContract("qemu, restoring", async () => {
  const lab = await createQemuLab(undefined, { imagesDir });
  return { ...harnessOf(lab), createDriver: (owner) => withRestoreSeeds(lab.createDriver(owner)) };
});
