import { systemClock as clock } from "../../src/daemon/clock.ts";
import { findImage } from "../../src/drivers/qemu/image/find.ts";
import { createGuest } from "../../src/guest/guest.ts";
import { launchClone } from "../support/clones.ts";
import type { Clone } from "../support/clones.ts";
import { buildTestImage } from "../support/integrationSetup.ts";
import { silentLogger as logger } from "../support/jobs.ts";
import { createQemuLab } from "../support/qemu.ts";
import type { BenchContext } from "./bench.ts";
import { comparisonFrom } from "./turns.ts";
import type { Comparison } from "./turns.ts";

const MACHINES = 10;
const GOAL = 1;
/** Each starts twenty machines. */
const MOST_ROUNDS = 3;
const LIMITS = { orphanTimeoutMs: 1_800_000, lifetimeMs: 86_400_000 };

/** Compares restoring machines one after the other with restoring them all at once, until each is ready; all stay until the last is. */
export async function compareManyAtOnce(context: BenchContext): Promise<Comparison> {
  const { progress, signal } = context;
  const rounds = Math.min(context.rounds, MOST_ROUNDS);
  const { imagesDir, chooseAccelerator } = await buildTestImage(progress, signal);
  const lab = await createQemuLab(await findImage(imagesDir, "debian-12"), { imagesDir });
  const step = progress.step(`Measuring ${MACHINES} machines at once`);
  try {
    const driver = lab.createDriver("bench", { chooseAccelerator });
    const guest = createGuest({ clock, logger });
    let count = 0;
    const launch = (): Promise<Clone> => {
      signal.throwIfAborted();
      return launchClone(driver, guest, { name: `m-many${count++}`, limits: LIMITS });
    };
    const timed = async (launchAll: () => Promise<readonly Clone[]>): Promise<number> => {
      const startedAt = performance.now();
      const clones = await launchAll();
      const tookMs = performance.now() - startedAt;
      for (const { ready } of clones) ready.channel.close();
      await driver.terminate(
        clones.map(({ instance }) => instance.providerId),
        signal,
      );
      const booted = clones.find(({ instance }) => instance.origin !== "restored");
      if (booted !== undefined) throw new Error(`Expected restored machines, got one that ${booted.instance.origin}`);
      return tookMs;
    };
    // Saves the golden state, where there is none.
    const first = await launch();
    first.ready.channel.close();
    await driver.terminate([first.instance.providerId], signal);

    const pairs: [number, number][] = [];
    for (let round = 1; round <= rounds; round += 1) {
      step.update(`round ${round} of ${rounds}`, (round - 1) / rounds);
      const inTurn = await timed(async () => {
        const clones: Clone[] = [];
        while (clones.length < MACHINES) clones.push(await launch());
        return clones;
      });
      pairs.push([inTurn, await timed(() => Promise.all(Array.from({ length: MACHINES }, launch)))]);
    }
    step.done(`${rounds} rounds`);
    const title = `${MACHINES} restored machines, until the last is ready`;
    return { ...comparisonFrom(title, "ms", ["in turn", "at once"], pairs), goal: { of: "ratio", atMost: GOAL } };
  } catch (error) {
    step.fail("");
    throw error;
  } finally {
    await lab.close();
  }
}
