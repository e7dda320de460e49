import { describe, expect, it } from "vitest";
import { CapacityError, SystemError } from "../../../src/domain/errors.ts";
import type { DiskSpace } from "../../../src/ports/disks.ts";
import type { Store } from "../../../src/ports/store.ts";
import { createMemoryStore } from "../../../src/simulation/store.ts";
import { composeForTest, simulatedConfig } from "../../support/composed.ts";
import { pool } from "../../support/pools.ts";

const MIB = 2 ** 20;
const config = simulatedConfig({ minFreeDiskMiB: 100, pools: [pool({ idleCount: 1 })] });

/** A disk whose free space the test sets. */
function someDisk(freeMiB: number) {
  const disk = { freeMiB };
  const look = async (): Promise<[DiskSpace]> => [
    { what: "state directory", path: "/state", freeBytes: disk.freeMiB * MIB, totalBytes: 1_000 * MIB },
  ];
  return { disk, disks: { look } };
}

describe("a manager on a disk that fills up", () => {
  it("launches nothing below min_free_disk, keeps what it has, says so, and goes on by itself", async () => {
    const { disk, disks } = someDisk(500);
    const { clock, provider, running, lines } = await composeForTest(config, { disks });
    const { manager } = running;
    await clock.advance(60_000);
    expect(await manager.health()).toMatchObject({ status: "ok", problems: [], minFreeBytes: 100 * MIB });

    disk.freeMiB = 99;
    await clock.advance(6_000);
    const held = await manager.acquireLease({ poolName: "small", holder: "ann", ttlMs: 3_600_000 });
    const waiting = await manager.acquireLease({ poolName: "small", holder: "bob", ttlMs: 3_600_000 });
    await clock.advance(60_000);

    const why = "99 MiB are free at /state, less than min_free_disk (100MiB)";
    expect(held.lease.state).toBe("held");
    expect(provider.instances()).toHaveLength(1);
    expect(await manager.health()).toMatchObject({
      status: "degraded",
      problems: [`nothing is launched: ${why}`],
      disks: [{ path: "/state", freeBytes: 99 * MIB, totalBytes: 1_000 * MIB }],
    });
    expect(await manager.pool("small")).toMatchObject({ why: expect.stringContaining(`launches wait: ${why}`) });
    expect(lines).toContain(`warn: nothing is launched: ${why}`);

    disk.freeMiB = 100;
    await clock.advance(10_000);
    expect(await manager.awaitLease(waiting.lease.id, 0, undefined, new AbortController().signal)).toMatchObject({
      lease: { state: "held" },
    });
    expect(await manager.health()).toMatchObject({ status: "ok" });
    expect(lines).toContain("info: the disk has room again");
  });

  it("knows of it before it launches anything", async () => {
    const { disks } = someDisk(50);
    const { clock, provider } = await composeForTest(config, { disks });

    await clock.advance(60_000);

    expect(provider.calls.filter(({ verb }) => verb === "launch")).toEqual([]);
  });

  it("goes on with what it knew while the disk cannot be looked at", async () => {
    const { disk, disks } = someDisk(500);
    const look = () => (disk.freeMiB < 0 ? Promise.reject(new Error("EIO")) : disks.look());
    const { clock, running } = await composeForTest(config, { disks: { look } });

    disk.freeMiB = -1;
    await clock.advance(60_000);

    expect(await running.manager.health()).toMatchObject({ status: "ok", disks: [{ freeBytes: 500 * MIB }] });
  });
});

/** A store that cannot be written while the test says so. */
function brittleStore() {
  const store = createMemoryStore();
  const fault = { isBroken: false };
  const commit: Store["commit"] = async (changes) => {
    if (fault.isBroken) throw new SystemError("disk-full", "No space left on the disk that holds mayfly.db");
    return store.commit(changes);
  };
  return { fault, store: { ...store, commit } };
}

describe("a manager's health", () => {
  it("tells since when the store cannot be written, until it can", async () => {
    const { fault, store } = brittleStore();
    const { clock, running } = await composeForTest(config, { store });
    await clock.advance(60_000);
    fault.isBroken = true;
    const failed = running.manager.cordonPool("small").catch((error: unknown) => error);
    await clock.advance(30_000);

    expect(await failed).toMatchObject({ code: "disk-full" });
    expect(await running.manager.health()).toMatchObject({
      status: "degraded",
      problems: [expect.stringMatching(/^the store cannot be written, nothing new is begun: No space left/)],
      storeProblem: { text: "No space left on the disk that holds mayfly.db", since: 60_000 },
    });

    fault.isBroken = false;
    await clock.advance(10_000);
    const health = await running.manager.health();
    expect(health.status).toBe("ok");
    expect(health.storeProblem).toBeUndefined();
  });

  it("tells each pool's mode, and how often and why its launches are refused", async () => {
    const pools = [pool({ name: "small" }), pool({ name: "large", idleCount: 0 })];
    const { clock, provider, running } = await composeForTest(simulatedConfig({ pools }));
    for (let count = 0; count < 50; count += 1)
      provider.failNext("launch", new CapacityError("no-memory", "no memory for one more machine"));
    await running.manager.drainPool("large");
    await clock.advance(120_000);

    const { status, pools: told } = await running.manager.health();

    expect(status).toBe("degraded");
    expect(told).toEqual([
      {
        ...{ name: "small", mode: "open", steeredBy: undefined, launchProblem: "no memory for one more machine" },
        ...{ refusals: expect.any(Number), launchesPausedUntil: expect.any(Number) },
      },
      { name: "large", mode: "draining", steeredBy: "pool", refusals: 0 },
    ]);
    expect(told[0]?.refusals).toBeGreaterThan(2);
  });
});
