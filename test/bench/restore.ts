import { systemClock as clock } from "../../src/daemon/clock.ts";
import type { MachineOrigin } from "../../src/domain/machine.ts";
import { findImage } from "../../src/drivers/qemu/image/find.ts";
import { createGuest } from "../../src/guest/guest.ts";
import { CLONE_SHAPE, launchClone } from "../support/clones.ts";
import { RESTORED_GOAL_MS } from "../../src/host/checkSpeed.ts";
import { buildTestImage } from "../support/integrationSetup.ts";
import type { TestCache } from "../support/integrationSetup.ts";
import { silentLogger as logger } from "../support/jobs.ts";
import { createQemuLab } from "../support/qemu.ts";
import type { QemuLab } from "../support/qemu.ts";
import type { BenchContext } from "./bench.ts";
import type { Goal } from "./goals.ts";
import { comparisonFrom } from "./turns.ts";
import type { Comparison } from "./turns.ts";

/** Of a boot, under software emulation. */
const EMULATED_GOAL = 1 / 12;
/** A boot takes most of a minute under software emulation. */
const MOST_ROUNDS = 5;
const LIMITS = { orphanTimeoutMs: 1_800_000, lifetimeMs: 86_400_000 };

/** Compares a machine's boot with its restoration, both from the launch until it is ready, in turn. */
export async function compareRestore(context: BenchContext): Promise<Comparison> {
  const { progress, signal } = context;
  const rounds = Math.min(context.rounds, MOST_ROUNDS);
  const { imagesDir, chooseAccelerator } = await buildTestImage(progress, signal);
  const lab = await createQemuLab(await findImage(imagesDir, "debian-12"), { imagesDir });
  const step = progress.step("Measuring restored machines");
  try {
    const launch = launcherOf(lab, chooseAccelerator);
    const pairs: [number, number][] = [];
    // The first round saves the golden state, where there is none, and is not counted.
    for (let round = 0; round <= rounds; round += 1) {
      step.update(`round ${round} of ${rounds}`, round / (rounds + 1));
      const pair: [number, number] = [await launch("booted", signal), await launch("restored", signal)];
      if (round > 0) pairs.push(pair);
    }
    step.done(`${rounds} rounds`);
    const title = "a local machine, from its launch until it is ready";
    const comparison = comparisonFrom(title, "ms", ["booted", "restored"], pairs);
    const isEmulated = (await chooseAccelerator(signal)) === "tcg";
    const goal: Goal = isEmulated ? { of: "ratio", atMost: EMULATED_GOAL } : { of: "second", atMost: RESTORED_GOAL_MS };
    return { ...comparison, goal };
  } catch (error) {
    step.fail("");
    throw error;
  } finally {
    await lab.close();
  }
}

/** Answers how to launch a machine that comes up in one way, and to end it: resolves with the milliseconds until it was ready. */
function launcherOf(lab: QemuLab, chooseAccelerator: TestCache["chooseAccelerator"]) {
  const driver = lab.createDriver("bench", { chooseAccelerator });
  const guest = createGuest({ clock, logger });
  let count = 0;
  return async (wanted: MachineOrigin, signal: AbortSignal): Promise<number> => {
    signal.throwIfAborted();
    const shape = { ...CLONE_SHAPE, restore: wanted === "restored" };
    const startedAt = performance.now();
    const { instance, ready } = await launchClone(driver, guest, { name: `m-bench${count++}`, limits: LIMITS, shape });
    const tookMs = performance.now() - startedAt;
    ready.channel.close();
    await driver.terminate([instance.providerId], signal);
    if (instance.origin !== wanted && count > 2)
      throw new Error(`Expected a ${wanted} machine, got ${instance.origin}`);
    return tookMs;
  };
}
