import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock as clock } from "../../../../../src/daemon/clock.ts";
import { listGolden, removeGoldenOf } from "../../../../../src/drivers/qemu/golden/list.ts";
import { GOLDEN_FILES, writeManifest } from "../../../../../src/drivers/qemu/golden/manifest.ts";

const never = new AbortController().signal;
let imagesDir: string;
beforeEach(async () => {
  imagesDir = await mkdtemp(join(tmpdir(), "mayfly-images-"));
});
afterEach(() => rm(imagesDir, { recursive: true, force: true }));

async function makeState(key: string, imageName: string): Promise<void> {
  const folder = join(imagesDir, "golden", key);
  await mkdir(folder, { recursive: true });
  const diskPath = join(imagesDir, `${imageName}.qcow2`);
  await writeFile(diskPath, "image");
  for (const name of GOLDEN_FILES) await writeFile(join(folder, name), Buffer.alloc(8_192, name));
  const shape = { cpus: 2, memoryMiB: 1_024, diskGiB: 20, qemuVersion: "7.2" };
  await writeManifest(folder, { key, image: { name: imageName, digest: "d", diskPath }, ...shape, createdAt: 1 });
}

it("lists golden states with what they take of the disk", async () => {
  await makeState("aa", "debian-12");

  expect(await listGolden(imagesDir)).toMatchObject([
    { key: "aa", imageName: "debian-12", cpus: 2, memoryMiB: 1_024, bytes: 3 * 8_192, problem: "" },
  ]);
});

it("lists none where there is no folder of images yet", async () => {
  expect(await listGolden(join(imagesDir, "nowhere"))).toEqual([]);
});

it("says why a state is not used", async () => {
  await makeState("aa", "debian-12");
  await rm(join(imagesDir, "golden", "aa", "ram.img"));

  expect(await listGolden(imagesDir)).toMatchObject([
    { problem: expect.stringContaining("ram.img is gone") as string },
  ]);
});

it("removes an image's states and leaves those of others", async () => {
  await makeState("aa", "debian-12");
  await makeState("bb", "other");

  await removeGoldenOf(imagesDir, "debian-12", clock, never);

  expect((await readdir(join(imagesDir, "golden"))).filter((name) => !name.startsWith("."))).toEqual(["bb"]);
});
