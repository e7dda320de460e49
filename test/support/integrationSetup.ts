import { homedir } from "node:os";
import { join } from "node:path";
import { createProgressDisplay } from "../../src/commands/progress/display.ts";
import { systemClock as clock } from "../../src/daemon/clock.ts";
import { acceleratorOf, imagesDirOf } from "../../src/daemon/start.ts";
import { buildImage } from "../../src/drivers/qemu/image/build.ts";

/** Long enough for a build under software emulation on a busy host. */
const BUILD_DEADLINE_MS = 30 * 60_000;

/**
 * Makes the guest image that real machines of the tests start from, once per recipe, in the user's cache. Its folder is handed to
 * the tests in MAYFLY_TEST_IMAGES_DIR.
 */
export async function setup(): Promise<void> {
  const cacheDir = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "mayfly-test");
  const imagesDir = imagesDirOf(cacheDir);
  const progress = createProgressDisplay(process.stderr, Date.now);
  try {
    await buildImage(
      { imagesDir, recipe: { name: "debian-12", load: [] }, progress },
      { clock, chooseAccelerator: acceleratorOf(cacheDir), env: process.env, isRoot: process.getuid?.() === 0 },
      AbortSignal.timeout(BUILD_DEADLINE_MS),
    );
  } finally {
    progress.close();
  }
  process.env["MAYFLY_TEST_IMAGES_DIR"] = imagesDir;
}
