import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock as clock } from "../../../../../src/daemon/clock.ts";
import type { BuiltImage } from "../../../../../src/drivers/qemu/image/build.ts";
import { buildImage } from "../../../../../src/drivers/qemu/image/build.ts";
import { findImage } from "../../../../../src/drivers/qemu/image/find.ts";
import { removeImage } from "../../../../../src/drivers/qemu/image/remove.ts";
import type { FakeImageTools } from "../../../../support/fakeImageTools.ts";
import { createFakeImageTools } from "../../../../support/fakeImageTools.ts";
import { recordProgress } from "../../../../support/progress.ts";
import { smallDiskObstacle } from "../../../../support/smallDisk.ts";

const never = new AbortController().signal;
let folder: string;
let imagesDir: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-build-"));
  imagesDir = join(folder, "images");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function build({ env }: FakeImageTools, progress = recordProgress(), signal = never): Promise<BuiltImage> {
  return buildImage(
    { imagesDir, recipe: { name: "debian-12", load: [] }, progress },
    { clock, env, isRoot: true, chooseAccelerator: async () => "tcg" },
    signal,
  );
}

/** Everything but the lock's file, which stays. */
const left = async (): Promise<string[]> =>
  (await readdir(imagesDir)).filter((name) => !name.startsWith(".build-lock"));

it("leaves an image that its name stands for, and says what it holds", async () => {
  const tools = await createFakeImageTools(folder);

  const { image, isNew } = await build(tools);

  expect(isNew).toBe(true);
  expect(await findImage(imagesDir, "debian-12")).toEqual(image);
  expect(image.loaded).toEqual(["mayfly/busybox:latest"]);
  expect(await left()).toEqual([`debian-12-${image.digest.slice(0, 12)}`, "debian-12.json"]);
});

it("builds nothing for an unchanged recipe", async () => {
  const tools = await createFakeImageTools(folder);
  const first = await build(tools);

  const second = await build(tools);

  expect(second).toEqual({ image: first.image, isNew: false });
  expect(await tools.roots()).toBe(1);
});

it("builds once when two ask at the same time", async () => {
  const tools = await createFakeImageTools(folder);

  const [one, other] = await Promise.all([build(tools), build(tools)]);

  expect(one.image).toEqual(other.image);
  expect([one.isNew, other.isNew].sort()).toEqual([false, true]);
  expect(await tools.roots()).toBe(1);
});

it("leaves nothing when it is interrupted, and ends what it started", async () => {
  const tools = await createFakeImageTools(folder, { mmdebstrap: 'echo "Unpacking libc6 (1)"; exec sleep 1000' });
  const interrupt = new AbortController();
  const progress = recordProgress((text) => {
    if (text.startsWith("unpacking")) interrupt.abort(new Error("interrupted"));
  });

  await expect(build(tools, progress, interrupt.signal)).rejects.toThrow("interrupted");

  expect(await left()).toEqual([]);
});

const cannotMount = process.getuid?.() === 0 ? smallDiskObstacle() : "only root's build mounts where others see it";

it.skipIf(cannotMount !== "")(
  `leaves no mount when it is interrupted (${cannotMount || "needs to mount"})`,
  async () => {
    const tools = await createFakeImageTools(folder, {
      mmdebstrap: 'mount -t tmpfs none "$TMPDIR" && echo "Unpacking libc6 (1)" && exec sleep 1000',
    });
    const interrupt = new AbortController();
    const progress = recordProgress((text) => {
      if (text.startsWith("unpacking")) interrupt.abort(new Error("interrupted"));
    });

    await expect(build(tools, progress, interrupt.signal)).rejects.toThrow("interrupted");

    expect(readFileSync("/proc/self/mounts", "utf8")).not.toContain(folder);
    expect(await left()).toEqual([]);
  },
);

it("leaves nothing when the packages cannot be had, and says mmdebstrap's last words", async () => {
  const tools = await createFakeImageTools(folder, { mmdebstrap: 'echo "E: no such package" >&2; exit 25' });

  await expect(build(tools)).rejects.toMatchObject({
    code: "program-failed",
    message: expect.stringContaining("E: no such package"),
  });

  expect(await left()).toEqual([]);
});

it("leaves nothing when the new guest cannot load its images, and shows its console", async () => {
  const tools = await createFakeImageTools(folder, { qemu: 'echo "Kernel panic"; echo "mayfly-bake: failed"' });

  await expect(build(tools)).rejects.toMatchObject({
    code: "bake-failed",
    message: expect.stringContaining("Kernel panic"),
  });

  expect(await left()).toEqual([]);
});

it("sweeps up after a builder that was killed, whose program ends with it", async () => {
  const pidFile = join(folder, "pid");
  const tools = await createFakeImageTools(folder, {
    mmdebstrap: `echo $$ >'${pidFile}'; echo "Unpacking a (1)"; exec sleep 1000`,
  });
  const builder = spawn(
    process.execPath,
    [fileURLToPath(import.meta.resolve("../../../../support/buildInChild.ts")), imagesDir],
    {
      env: { ...tools.env },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  await once(builder.stdout, "data");
  const draft = (await left())[0] ?? "";

  builder.kill("SIGKILL");
  await once(builder, "close");
  await build(await createFakeImageTools(folder));

  await expect.poll(() => commandOf(readFileSync(pidFile, "utf8").trim())).toBe("");
  expect(draft).toMatch(/^\.building-/);
  expect(await left()).not.toContain(draft);
});

/** What a process was started as; nothing when it has ended, be it that nobody has looked yet. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

it("keeps no version that is older than the last one", async () => {
  const old = join(imagesDir, "debian-12-0123456789ab");
  await mkdir(old, { recursive: true });

  await build(await createFakeImageTools(folder));

  expect(await left()).not.toContain("debian-12-0123456789ab");
});

it("removes an image, unless a machine was started from it", async () => {
  await build(await createFakeImageTools(folder));
  const remove = (machines: readonly string[]): Promise<void> =>
    removeImage(imagesDir, "debian-12", { clock, machinesFrom: async () => machines }, never);

  await expect(remove(["m-1"])).rejects.toMatchObject({
    code: "image-in-use",
    message: expect.stringContaining("m-1"),
  });
  expect(await findImage(imagesDir, "debian-12")).toBeDefined();
  await remove([]);

  expect(await left()).toEqual([]);
  await expect(remove([])).rejects.toMatchObject({ code: "image-not-found" });
});
