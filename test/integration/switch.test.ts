import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock as clock } from "../../src/daemon/clock.ts";
import { machineIdFrom } from "../../src/domain/ids.ts";
import type { GuestSettings } from "../../src/domain/pool.ts";
import { findImage } from "../../src/drivers/qemu/image/find.ts";
import { createGuest } from "../../src/guest/guest.ts";
import type { Driver, Instance } from "../../src/ports/driver.ts";
import type { MachineKeys, MachineLimits, ReadyGuest } from "../../src/ports/guest.ts";
import { deadlinesOf } from "../support/deadlines.ts";
import { silentLogger as logger } from "../support/jobs.ts";
import { createQemuLab } from "../support/qemu.ts";
import type { QemuLab } from "../support/qemu.ts";
import { until } from "../support/until.ts";

/** Set by the integration tier's setup to where it built the guest image. */
const imagesDir = process.env["MAYFLY_TEST_IMAGES_DIR"];
const MINUTE_MS = 60_000;
const never = new AbortController().signal;
const SETTINGS: GuestSettings = { user: "runner", docker: "dind", dataRoot: "/var/lib/docker" };

interface Launched {
  readonly instance: Instance;
  readonly keys: MachineKeys;
}

// That it is armed by the boot itself; what restored machines are told, restore.test.ts holds.
// Two machines: one that is probed until its end, and one that nobody ever speaks to. The second boots when the first is
// ready: the first one's lifetime passes from its boot on, and two that boot at once take twice as long.
describe.skipIf(imagesDir === undefined)(
  "the dead-man's switch (MAYFLY_TEST_IMAGES_DIR says where the image is)",
  () => {
    const guest = createGuest({ clock, logger });
    const gone = new Map<string, string>();
    let lab: QemuLab;
    let driver: Driver;
    let probed: Launched;
    /** Resolves with the count of answered probes, once the probed machine is gone. */
    let probing: Promise<number>;

    const launch = async (name: string, limits: MachineLimits): Promise<Launched> => {
      const machineId = machineIdFrom(name);
      const keys = guest.createKeys(machineId);
      const size = { cpus: 2, memoryMiB: 1_024, diskGiB: 8 } as const;
      const shape = { driver: "qemu", image: "debian-12", ...size, restore: false } as const;
      const seed = await guest.seedFrom([machineId], keys, SETTINGS, limits);
      return { keys, instance: await driver.launch({ machineId, poolName: "small", shape, seed }, name, never) };
    };

    beforeAll(async () => {
      lab = await createQemuLab(await findImage(imagesDir ?? "", "debian-12"));
      driver = lab.createDriver("us");
      driver.watch?.({ onGone: (providerId, detail) => void gone.set(providerId, detail), onInterruption: () => {} });
      probed = await launch("m-probed", { orphanTimeoutMs: 60 * MINUTE_MS, lifetimeMs: 2 * MINUTE_MS });
    });
    afterAll(() => lab.close());

    it("is armed before the machine is ready, and each probe sets it back", async () => {
      const { address } = probed.instance;
      const ready = await guest.connect(
        address ?? { host: "", port: 0 },
        probed.keys,
        SETTINGS,
        AbortSignal.timeout(5 * MINUTE_MS),
      );
      const before = await deadlinesOf(ready);

      // More often than systemd starts a unit in a row, unless it is told otherwise.
      for (let count = 0; count < 6; count += 1) await guest.probe(ready, never);
      const after = await deadlinesOf(ready);
      probing = probeUntilGone(probed, ready);
      probing.catch(() => undefined);

      expect(after.orphanAtMs).toBeGreaterThanOrEqual(before.nowMs + 60 * MINUTE_MS);
      expect(after.orphanAtMs).toBeGreaterThan(before.orphanAtMs);
      expect(before.lifetimeAtMs).toBe(2 * MINUTE_MS);
      expect(after.lifetimeAtMs).toBe(2 * MINUTE_MS);
    });

    it("ends a machine that nobody has probed for its orphan timeout", async () => {
      const orphan = await launch("m-orphan", { orphanTimeoutMs: MINUTE_MS, lifetimeMs: 60 * MINUTE_MS });
      const { providerId } = orphan.instance;

      const detail = await until("the orphan is gone", 10 * MINUTE_MS, async () => gone.get(providerId));

      expect(detail).toMatch(/power|shut/i);
      expect(await stateOf(providerId)).toBe("stopped");
    });

    it("ends a machine that has outlived its lifetime, though it is probed", async () => {
      expect(await probing).toBeGreaterThan(0);
      expect(await stateOf(probed.instance.providerId)).toBe("stopped");
    });

    const probeUntilGone = async ({ instance }: Launched, ready: ReadyGuest): Promise<number> => {
      let count = 0;
      await until("the probed one is gone", 10 * MINUTE_MS, async () => {
        if (gone.has(instance.providerId)) return true;
        await guest.probe(ready, AbortSignal.timeout(MINUTE_MS)).then(
          () => (count += 1),
          () => undefined,
        );
        await sleep(1_000);
        return false;
      });
      return count;
    };

    const stateOf = async (wanted: string): Promise<Instance["state"] | undefined> =>
      (await driver.list(never)).find(({ providerId }) => providerId === wanted)?.state;
  },
);
