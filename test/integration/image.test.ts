import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock as clock } from "../../src/daemon/clock.ts";
import type { BuiltImage } from "../../src/drivers/qemu/image/build.ts";
import { buildImage } from "../../src/drivers/qemu/image/build.ts";
import { defaultRecipe } from "../../src/drivers/qemu/image/recipe.ts";
import type { Progress } from "../../src/ports/progress.ts";
import { recordProgress } from "../support/progress.ts";

/** Set by the integration tier's setup to where it built the guest image. */
const builtDir = process.env["MAYFLY_TEST_IMAGES_DIR"];
const never = new AbortController().signal;

const build = (
  imagesDir: string,
  env: NodeJS.ProcessEnv,
  progress: Progress = recordProgress(),
  signal = never,
): Promise<BuiltImage> =>
  buildImage(
    { imagesDir, recipe: defaultRecipe(), progress },
    { clock, env, isRoot: process.getuid?.() === 0, chooseAccelerator: async () => "tcg" },
    signal,
  );

describe.skipIf(builtDir === undefined)("a guest image that was built (MAYFLY_TEST_IMAGES_DIR says where)", () => {
  it("is not built again: no program is started for it", async () => {
    const before = await readdir(builtDir ?? "");

    const { image, isNew } = await build(builtDir ?? "", { PATH: "/nowhere" });

    expect(isNew).toBe(false);
    expect(image.loaded).toContain("mayfly/busybox:latest");
    expect(await readdir(builtDir ?? "")).toEqual(before);
  });
});

describe("an image build that is interrupted while packages are fetched", () => {
  let imagesDir: string;
  beforeEach(async () => {
    imagesDir = await mkdtemp(join(tmpdir(), "mayfly-images-"));
  });
  afterEach(() => rm(imagesDir, { recursive: true, force: true }));

  it("leaves nothing", async () => {
    const interrupt = new AbortController();
    const progress = recordProgress((text) => {
      if (text.startsWith("fetching")) interrupt.abort(new Error("interrupted"));
    });

    await expect(build(imagesDir, process.env, progress, interrupt.signal)).rejects.toThrow("interrupted");

    expect((await readdir(imagesDir)).filter((name) => !name.startsWith(".build-lock"))).toEqual([]);
  });
});
