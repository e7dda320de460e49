import { appendFile, mkdir, mkdtemp, readdir, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock as clock } from "../../../../../src/daemon/clock.ts";
import {
  GOLDEN_FILES,
  problemWith,
  readManifest,
  writeManifest,
} from "../../../../../src/drivers/qemu/golden/manifest.ts";
import { removeLeftTemplates, removeOldStates } from "../../../../../src/drivers/qemu/golden/sweep.ts";

let root: string;
let diskPath: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "mayfly-golden-"));
  diskPath = join(root, "image.qcow2");
  await writeFile(diskPath, "image");
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A state with small files, used at that second. */
async function makeState(key: string, usedAtS = 1_000): Promise<string> {
  const folder = join(root, key);
  await mkdir(folder);
  for (const name of GOLDEN_FILES) await writeFile(join(folder, name), `${name} of ${key}`);
  const image = { name: "debian-12", digest: "d", diskPath };
  const shape = { cpus: 2, memoryMiB: 1_024, diskGiB: 20 };
  await writeManifest(folder, { key, image, ...shape, qemuVersion: "7.2", createdAt: 1 });
  await utimes(join(folder, "manifest.json"), usedAtS, usedAtS);
  return folder;
}
const problemOf = async (folder: string): Promise<string> => {
  const state = await readManifest(folder);
  return state === undefined ? "no manifest" : problemWith(state);
};
const namesIn = async (): Promise<string[]> => (await readdir(root)).filter((name) => name !== "image.qcow2").sort();

describe("a golden state", () => {
  it("is whole as it was saved", async () => {
    expect(await problemOf(await makeState("aa"))).toBe("");
  });

  it.each([
    [
      "a memory that was cut short",
      (folder: string) => truncate(join(folder, "ram.img"), 3),
      /ram.img has 3 bytes where/,
    ],
    ["a disk that grew", (folder: string) => appendFile(join(folder, "disk.qcow2"), "x"), /disk.qcow2 has/],
    [
      "a memory that was written",
      (folder: string) => utimes(join(folder, "ram.img"), 5, 5),
      /ram.img was written after/,
    ],
    ["devices that are gone", (folder: string) => rm(join(folder, "devices.bin")), /devices.bin is gone/],
    ["an image that was replaced", () => writeFile(diskPath, "other"), /image.qcow2 was written after/],
    ["an image that was removed", () => rm(diskPath), /image.qcow2 is gone/],
  ])("is not, with %s", async (_what, spoil, problem) => {
    const folder = await makeState("aa");

    await spoil(folder);

    expect(await problemOf(folder)).toMatch(problem);
  });

  it("is not, with devices of the same size and time that hold something else", async () => {
    const folder = await makeState("aa");
    const state = await readManifest(folder);
    const path = join(folder, "devices.bin");
    await writeFile(path, "devices.bin of ab");
    const modifiedAt = (state?.files["devices.bin"].modifiedAt ?? 0) / 1000;
    await utimes(path, modifiedAt, modifiedAt);

    expect(await problemOf(folder)).toMatch(/devices.bin (is not what was saved|was written)/);
  });

  it("is none without a manifest that can be read", async () => {
    const folder = await makeState("aa");
    await writeFile(join(folder, "manifest.json"), '{"key":');

    expect(await readManifest(folder)).toBeUndefined();
  });
});

describe("removing old states", () => {
  it("keeps the eight that were used last, and none that is spoilt", async () => {
    for (let number = 0; number < 10; number += 1) await makeState(`a${number}`, 1_000 + number);
    await truncate(join(root, "a5", "ram.img"), 1);

    await removeOldStates(root, "7.2");

    expect(await namesIn()).toEqual(["a1", "a2", "a3", "a4", "a6", "a7", "a8", "a9"]);
  });

  it("removes what was being saved when its process was killed", async () => {
    await makeState("aa");
    await mkdir(join(root, ".saving-bb"));
    await writeFile(join(root, ".saving-bb", "ram.img"), "half");

    await removeLeftTemplates(root, clock);

    expect(await namesIn()).toEqual(["aa"]);
  });
});
