import { describe, expect, it } from "vitest";
import { MachineError, TransientError } from "../../src/domain/errors.ts";
import type { LeaseId } from "../../src/domain/ids.ts";
import { countByState } from "../../src/planning/observed.ts";
import { steerPool, viewPool } from "../../src/pool/control.ts";
import { ALL_POOLS } from "../../src/ports/store.ts";
import { pool } from "../support/pools.ts";
import { startWorld } from "../support/world.ts";
import type { World } from "../support/world.ts";

const HOUR_MS = 3_600_000;
const signal = new AbortController().signal;
const counts = (world: World): Record<string, number> => countByState(world.fleet.state.machines());
const acquire = async (world: World, jobless = true): Promise<LeaseId> =>
  (await world.leases.request({ poolName: "small", holder: jobless ? "test" : "job", ttlMs: HOUR_MS })).id;
const stateOf = async (world: World, id: LeaseId): Promise<string | undefined> => (await world.store.lease(id))?.state;

describe("a pool", () => {
  it("warms up to idleCount and stays there", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 2 })] });

    await world.clock.advance(60_000);

    expect(counts(world)).toMatchObject({ idle: 2, booting: 0, requested: 0 });
    expect(world.provider.calls.filter((call) => call.verb === "launch")).toHaveLength(2);
    expect(world.errors).toEqual([]);
  });

  it("replaces a machine that a lease took", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 1 })] });
    await world.clock.advance(60_000);

    const leaseId = await acquire(world);
    await world.clock.advance(60_000);

    expect(await stateOf(world, leaseId)).toBe("held");
    expect(counts(world)).toMatchObject({ idle: 1, leased: 1 });
  });

  it("terminates a machine when its lease is released, and never leases it again", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 1, maxMachines: 1 })] });
    await world.clock.advance(60_000);
    const first = await acquire(world);
    const held = await world.leases.waitUntilHeld(first, () => undefined, signal);

    const second = await acquire(world);
    await world.leases.release(first, "released", "done");
    await world.leases.waitUntilGone(first, signal);
    await world.clock.advance(60_000);
    const next = await world.leases.waitUntilHeld(second, () => undefined, signal);

    expect(next.machineId).not.toBe(held.machineId);
    expect(await world.store.machine(held.machineId)).toMatchObject({ state: "terminated", reason: "lease-released" });
    expect(world.provider.instances()).toHaveLength(1);
  });

  it("says why a lease waits, and tells again when that changes", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 0, maxMachines: 1 })] });
    const reasons: string[] = [];
    await acquire(world);
    const second = await acquire(world);

    const waiting = world.leases.waitUntilHeld(second, (why) => void reasons.push(why), signal);
    waiting.catch(() => undefined);
    await world.clock.advance(60_000);

    expect(reasons.at(-1)).toBe("no idle machine; max_machines (1) of the pool is reached");
  });

  it("gives up a wait at its deadline, with the reason", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 0 })] });
    world.provider.setMaxInstances(0);
    const { id } = await world.leases.request({ poolName: "small", holder: "test", waitTimeoutMs: 120_000 });

    const waiting = world.leases.waitUntilHeld(id, () => undefined, signal);
    const ended = expect(waiting).rejects.toThrow(/no machine of pool "small" within 120 s: .*refused.*no room/);
    await world.clock.advance(130_000);

    await ended;
    expect(counts(world)).toMatchObject({ leased: 0, idle: 0 });
  });

  it("refuses an unknown pool by name", async () => {
    const world = await startWorld({ pools: [pool()] });

    await expect(world.leases.request({ poolName: "big", holder: "test" })).rejects.toThrow(
      'there is no pool "big"; there is: small',
    );
  });

  it("serves waiting leases first come, first served", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 0, maxMachines: 1 })] });
    const ids = [await acquire(world), await acquire(world), await acquire(world)];
    const order: LeaseId[] = [];
    for (const id of ids) {
      const turn = world.leases
        .waitUntilHeld(id, () => undefined, signal)
        .then(async () => {
          order.push(id);
          await world.leases.release(id, "released", "done");
        });
      turn.catch(() => undefined);
    }

    await world.clock.advance(300_000);

    expect(order).toEqual(ids);
  });

  it("lets a machine whose seed others can read show a key of its own making alone, before any job has it", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 1, maxMachines: 1 })], showsSeed: true });
    await world.clock.advance(60_000);
    const [machine] = world.fleet.state.machines();

    expect(machine).toMatchObject({ state: "idle", hostKey: expect.stringMatching(/^public key, made by /) });

    await world.restart();
    await world.clock.advance(60_000);

    expect(world.fleet.state.machines()).toMatchObject([{ id: machine?.id, state: "idle" }]);
    expect(world.guest.connects).toHaveLength(2);
  });

  it("goes on with a machine whose manager was killed between the keeping of its key and its showing", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 1, maxMachines: 1 })], showsSeed: true });
    const { seal } = world.guest;
    // The key is kept, and then nothing more happens, as when the process ends there.
    world.guest.seal = (ready, claim, keep, bounded) =>
      seal(
        ready,
        claim,
        async (publicKey) => {
          await keep(publicKey);
          await world.clock.sleep(Infinity, bounded);
        },
        bounded,
      );
    await world.clock.advance(60_000);
    const [machine] = world.fleet.state.machines();
    expect(machine).toMatchObject({ state: "booting", hostKey: expect.any(String) });

    world.guest.seal = seal;
    await world.restart();
    await world.clock.advance(60_000);

    expect(world.fleet.state.machines()).toMatchObject([{ id: machine?.id, state: "idle" }]);
  });

  it("leaves the key that was handed in where nobody else can read it", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 1 })] });
    await world.clock.advance(60_000);

    expect(world.fleet.state.machines().map(({ hostKey }) => hostKey)).toEqual([undefined]);
  });

  it("knows what a machine cost: as long as it was there, at the price of its launch", async () => {
    const paid = pool({ idleCount: 0, cost: { usdPerHour: 3.6 } });
    const world = await startWorld({ pools: [paid], bootMs: 30_000 });
    const id = await acquire(world);
    await world.clock.advance(100_000);
    const { machineId } = await world.leases.waitUntilHeld(id, () => undefined, signal);

    await world.leases.release(id, "released", "done");
    await world.leases.waitUntilGone(id, signal);

    const machine = await world.store.machine(machineId);
    expect(machine).toMatchObject({ state: "terminated", price: { usdPerHour: 3.6, source: "the configuration" } });
    expect(machine?.costUsd).toBe((world.clock.now() - (machine?.requestedAt ?? 0)) / 1000 / 1000);
    expect(world.clock.now()).toBeGreaterThanOrEqual(100_000);
  });

  it("retires what is idle for too long above idleCount", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 0, idleTimeMs: 60_000 })] });
    const id = await acquire(world);
    await world.leases.release(id, "cancelled", "changed my mind");

    await world.clock.advance(200_000);

    expect(world.provider.instances()).toEqual([]);
    expect(world.fleet.state.machines()).toEqual([]);
  });

  it("drains: gives no lease, ends what is idle, leaves what is leased", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 1 })] });
    await world.clock.advance(60_000);
    const id = await acquire(world);
    await world.clock.advance(60_000);

    await steerPool(world.fleet, "small", "draining");
    await world.clock.advance(60_000);

    expect(counts(world)).toMatchObject({ idle: 0, leased: 1 });
    expect(viewPool(world.fleet, "small")).toMatchObject({
      isCordoned: true,
      why: expect.stringContaining("draining"),
    });
    await expect(acquire(world)).rejects.toThrow('pool "small" is draining; `mayfly pool resume small` opens it again');
    await world.leases.release(id, "released", "done");
    await steerPool(world.fleet, "small", "open");
    await world.clock.advance(60_000);
    expect(counts(world)).toMatchObject({ idle: 1, leased: 0 });
  });

  it("leaves nothing at the provider when it closes", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 3, maxGrowthRate: 1 })], launchDelayMs: 5_000 });
    await world.clock.advance(40_000);
    await acquire(world);

    const closing = world.loop.close(60_000);
    await world.clock.advance(60_000);

    expect(await closing).toEqual([]);
    expect(world.provider.instances()).toEqual([]);
  });
});

describe("failures", () => {
  it("ends a machine that shows another host key, for that reason", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 1 })] });
    world.guest.failNext(new MachineError("host-key-changed", "another key"));

    await world.clock.advance(31_000);
    const [bad] = await world.store.recentMachines(9).then((all) => all.filter((m) => m.state === "terminated"));
    await world.clock.advance(60_000);

    expect(bad).toMatchObject({ reason: "host-key-changed", detail: "another key" });
    expect(counts(world)).toMatchObject({ idle: 1 });
  });

  it("ends a machine that does not become ready within boot_timeout", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 1, bootTimeoutMs: 20_000 })], bootMs: HOUR_MS });

    await world.clock.advance(30_000);

    const all = await world.store.recentMachines(9);
    expect(all.filter((m) => m.state === "terminated")).toMatchObject([{ reason: "boot-timeout" }]);
  });

  it("pauses after refusals, each time longer, and recovers", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 1 })] });
    world.provider.setMaxInstances(0);

    await world.clock.advance(300_000);
    const refused = world.provider.calls.filter((call) => call.verb === "launch").length;
    world.provider.setMaxInstances(5);
    await world.clock.advance(120_000);

    expect(refused).toBeLessThan(12);
    expect(counts(world)).toMatchObject({ idle: 1 });
  });

  it("finds and ends the instance of a launch whose answer was lost", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 1 })] });
    await world.clock.advance(0);
    const before = world.provider.instances().map((i) => i.providerId);
    world.provider.failNext("launch", new TransientError("reset", "connection reset"), "after");
    await acquire(world).catch(() => undefined);

    await world.clock.advance(120_000);

    const known = new Set(world.fleet.state.machines().map((m) => ("providerId" in m ? m.providerId : "")));
    expect(before).toHaveLength(1);
    expect(world.provider.instances().filter((i) => !known.has(i.providerId))).toEqual([]);
  });

  it("tries a failed termination again until it succeeds", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 1 })] });
    await world.clock.advance(60_000);
    for (let i = 0; i < 4; i++) world.provider.failNext("terminate", new TransientError("throttled", "slow down"));

    const id = await acquire(world);
    await world.leases.release(id, "released", "done");
    await world.clock.advance(120_000);

    expect(counts(world)).toMatchObject({ idle: 1, terminating: 0 });
  });

  it("ends the lease of a machine that vanished as machine lost, and tells its holder", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 1 })] });
    await world.clock.advance(60_000);
    const id = await acquire(world);
    const held = await world.leases.waitUntilHeld(id, () => undefined, signal);

    world.provider.loseInstance(world.provider.instances()[0]?.providerId ?? "", "power cut");
    await world.clock.advance(0);

    expect(held.lost.aborted).toBe(true);
    expect(held.lost.reason).toMatchObject({ code: "machine-lost" });
    expect(await world.store.lease(id)).toMatchObject({ state: "ended", outcome: "machine-lost" });
  });

  it("takes a machine away from a holder who fell silent", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 1 })] });
    await world.clock.advance(60_000);
    const { id } = await world.leases.request({ poolName: "small", holder: "test", ttlMs: 10_000 });
    await world.clock.advance(6_000);
    await world.leases.renew(id);

    await world.clock.advance(9_000);
    const before = await stateOf(world, id);
    await world.clock.advance(5_000);

    expect(before).toBe("held");
    expect(await world.store.lease(id)).toMatchObject({ state: "ended", outcome: "lapsed" });
  });

  it("reaps an instance that no record knows", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 0 })] });
    await world.clock.advance(1_000);
    const stray = { owner: "test", token: "t-x", machineId: "m-stray", poolName: "small" } as never;
    world.provider.driverSide.add(stray);

    await world.clock.advance(120_000);

    expect(world.provider.instances()).toEqual([]);
  });

  it("reads no failed list as a death", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 1 })] });
    await world.clock.advance(60_000);
    for (let i = 0; i < 20; i++) world.provider.failNext("list", new TransientError("throttled", "slow down"));

    await world.clock.advance(240_000);

    expect(world.provider.calls.filter((call) => call.verb === "launch")).toHaveLength(1);
    expect(counts(world)).toMatchObject({ idle: 1 });
  });
});

describe("a restart", () => {
  it("keeps idle machines idle", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 2 })] });
    await world.clock.advance(60_000);
    const before = world.provider.instances().map((i) => i.providerId);

    await world.restart();
    await world.clock.advance(60_000);

    expect(world.provider.instances().map((i) => i.providerId)).toEqual(before);
    const id = await acquire(world);
    expect(await stateOf(world, id)).toBe("held");
  });

  it("keeps a leased machine with its lease, and gives it to its holder again", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 1, maxMachines: 1 })] });
    await world.clock.advance(60_000);
    const id = await acquire(world);
    const held = await world.leases.waitUntilHeld(id, () => undefined, signal);

    await world.restart();
    const again = world.leases.waitUntilHeld(id, () => undefined, signal);
    await world.clock.advance(60_000);

    expect(await again).toMatchObject({ machineId: held.machineId, leaseId: id });
    expect(await stateOf(world, id)).toBe("held");
    expect(world.provider.calls.filter((call) => call.verb === "launch")).toHaveLength(1);
  });

  it("ends the lease of a machine that cannot be reached any more as machine lost", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 1, maxMachines: 1 })] });
    await world.clock.advance(60_000);
    const id = await acquire(world);
    world.guest.failNext(new MachineError("host-key-changed", "another key"));

    await world.restart();
    const again = world.leases.waitUntilHeld(id, () => undefined, signal);
    const lost = expect(again).rejects.toMatchObject({
      code: "machine-lost",
      message: expect.stringContaining("another key"),
    });
    await world.clock.advance(60_000);

    await lost;
    expect(await world.store.lease(id)).toMatchObject({ state: "ended", outcome: "machine-lost" });
  });

  it("remembers a cordon, of one pool and of all", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 1 })] });
    await steerPool(world.fleet, "small", "cordoned");
    await world.restart();
    await expect(acquire(world)).rejects.toThrow("is cordoned");

    await steerPool(world.fleet, "small", "open");
    await steerPool(world.fleet, ALL_POOLS, "draining");
    await world.restart();

    await expect(acquire(world)).rejects.toThrow("all pools are draining; `mayfly pool resume --all` opens them again");
    expect(viewPool(world.fleet, "small").mode).toBe("draining");
  });
});
