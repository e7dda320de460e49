import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createProgressDisplay } from "../../src/commands/progress/display.ts";
import { systemClock as clock } from "../../src/daemon/clock.ts";
import { acceleratorOf } from "../../src/daemon/start.ts";
import { buildImage } from "../../src/drivers/qemu/image/build.ts";
import { ensureStandIns } from "./standins/ensure.ts";
import { exportStandIns } from "./standins/export.ts";
import { STAND_IN_NAMES } from "./standins/images.ts";

/** The guest image whose engine holds every stand-in, under the tags that the registry of stand-ins serves. */
export const DOCKER_IMAGE = "debian-12-docker";

/**
 * Makes that image beside the tier's own, once per content of the stand-ins and recipe of the guest. A pull in such a guest
 * compares manifests and fetches nothing.
 * @param imagesDir inside the tier's state directory.
 */
export async function ensureDockerImage(imagesDir: string, signal: AbortSignal): Promise<void> {
  const standIns = await ensureStandIns({}, signal);
  const folder = await mkdtemp(join(tmpdir(), "mayfly-load-"));
  const progress = createProgressDisplay(process.stderr, Date.now);
  try {
    const archive = join(folder, "standins.tar");
    await exportStandIns(standIns, STAND_IN_NAMES, archive, signal);
    await buildImage(
      { imagesDir, recipe: { name: DOCKER_IMAGE, load: [archive] }, progress },
      {
        clock,
        chooseAccelerator: acceleratorOf(dirname(imagesDir)),
        env: process.env,
        isRoot: process.getuid?.() === 0,
      },
      signal,
    );
  } finally {
    progress.close();
    await rm(folder, { recursive: true, force: true });
  }
}
