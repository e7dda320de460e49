import { homedir } from "node:os";
import { join } from "node:path";
import { createProgressDisplay } from "../../src/commands/progress/display.ts";
import { systemClock as clock } from "../../src/daemon/clock.ts";
import { acceleratorOf, imagesDirOf } from "../../src/daemon/start.ts";
import { buildImage } from "../../src/drivers/qemu/image/build.ts";
import type { AcceleratorName } from "../../src/drivers/qemu/options.ts";
import type { Progress } from "../../src/ports/progress.ts";

/** Long enough for a build under software emulation on a busy host. */
const BUILD_DEADLINE_MS = 30 * 60_000;

/** Where what tests share between runs is kept. */
export interface TestCache {
  readonly imagesDir: string;
  /** Answers the accelerator that was seen to work on this host. */
  readonly chooseAccelerator: (signal: AbortSignal) => Promise<AcceleratorName>;
}

/** Makes the guest image that real machines of the tests start from, and hands its folder to them in MAYFLY_TEST_IMAGES_DIR. */
export async function setup(): Promise<void> {
  const progress = createProgressDisplay(process.stderr, Date.now);
  try {
    const { imagesDir } = await buildTestImage(progress, AbortSignal.timeout(BUILD_DEADLINE_MS));
    process.env["MAYFLY_TEST_IMAGES_DIR"] = imagesDir;
  } finally {
    progress.close();
  }
}

/** Makes the guest image of the tests, once per recipe, in the user's cache. */
export async function buildTestImage(progress: Progress, signal: AbortSignal): Promise<TestCache> {
  const cacheDir = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "mayfly-test");
  const imagesDir = imagesDirOf(cacheDir);
  const chooseAccelerator = acceleratorOf(cacheDir);
  await buildImage(
    { imagesDir, recipe: { name: "debian-12", load: [] }, progress },
    { clock, chooseAccelerator, env: process.env, isRoot: process.getuid?.() === 0 },
    signal,
  );
  return { imagesDir, chooseAccelerator };
}
