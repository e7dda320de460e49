import { createGuest } from "../../src/guest/guest.ts";
import { systemClock as clock } from "../../src/daemon/clock.ts";
import { machineIdFrom } from "../../src/domain/ids.ts";
import type { Address } from "../../src/domain/machine.ts";
import type { GuestSettings } from "../../src/domain/pool.ts";
import { findImage } from "../../src/drivers/qemu/image/find.ts";
import type { MachineKeys, ReadyGuest } from "../../src/ports/guest.ts";
import type { Progress } from "../../src/ports/progress.ts";
import { buildTestImage } from "../support/integrationSetup.ts";
import { silentLogger } from "../support/jobs.ts";
import { createQemuLab } from "../support/qemu.ts";

const MACHINE_ID = machineIdFrom("m-bench0000001");
const SETTINGS: GuestSettings = { user: "runner", docker: "socket", dataRoot: "/var/lib/docker" };
const LIMITS = { orphanTimeoutMs: 1_800_000, lifetimeMs: 86_400_000 };
const BUILD_DEADLINE_MS = 30 * 60_000;
const BOOT_DEADLINE_MS = 10 * 60_000;

/** A real machine that is ready, and how to reach it anew. */
export interface BenchMachine extends AsyncDisposable {
  readonly address: Address;
  readonly keys: MachineKeys;
  readonly user: string;
  /** The connection that is kept. */
  readonly kept: ReadyGuest;
}

/** Boots one real machine; disposing of it ends it and erases all that it left. */
export async function bootMachine(progress: Progress, signal: AbortSignal): Promise<BenchMachine> {
  const buildLimit = AbortSignal.any([signal, AbortSignal.timeout(BUILD_DEADLINE_MS)]);
  const { imagesDir, chooseAccelerator } = await buildTestImage(progress, buildLimit);
  const lab = await createQemuLab(await findImage(imagesDir, "debian-12"), { imagesDir });
  const step = progress.step("Booting a machine");
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(BOOT_DEADLINE_MS)]);
    const driver = lab.createDriver("bench", { chooseAccelerator });
    const guest = createGuest({ clock, logger: silentLogger });
    const keys = guest.createKeys(MACHINE_ID);
    const seed = await guest.seedFrom([MACHINE_ID], keys, SETTINGS, LIMITS);
    const shape = { driver: "qemu", image: "debian-12", cpus: 2, memoryMiB: 1_024, diskGiB: 8 } as const;
    const { address } = await driver.launch({ machineId: MACHINE_ID, poolName: "bench", shape, seed }, "bench", limit);
    if (address === undefined) throw new Error("Expected the QEMU driver to answer an address, got none");
    const kept = await guest.connect(address, keys, SETTINGS, limit);
    step.done();
    return {
      ...{ address, keys, user: SETTINGS.user, kept },
      async [Symbol.asyncDispose]() {
        kept.channel.close();
        await lab.close();
      },
    };
  } catch (error) {
    step.fail("");
    await lab.close();
    throw error;
  }
}
