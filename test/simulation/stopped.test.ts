import { describe, expect, it } from "vitest";
import { CapacityError, SystemError, TransientError } from "../../src/domain/errors.ts";
import type { MachineId } from "../../src/domain/ids.ts";
import type { LiveMachine, MachineState } from "../../src/domain/machine.ts";
import type { DesiredPool } from "../../src/domain/pool.ts";
import { countByState } from "../../src/planning/observed.ts";
import { pool } from "../support/pools.ts";
import { startWorld } from "../support/world.ts";
import type { World, WorldOptions } from "../support/world.ts";

const MINUTE_MS = 60_000;
const signal = new AbortController().signal;

/** One idle machine and one stopped one, which takes three minutes with the lag of the provider's lists. */
async function warmWorld(wish: Partial<DesiredPool> = {}, options: Partial<WorldOptions> = {}): Promise<World> {
  const world = await startWorld({ pools: [pool({ idleCount: 1, stoppedCount: 1, ...wish })], ...options });
  await world.clock.advance(4 * MINUTE_MS);
  return world;
}
const counts = (world: World): Record<string, number> => countByState(world.fleet.state.machines());
function inState(world: World, state: MachineState): LiveMachine {
  const machine = world.fleet.state.machines().find((one) => one.state === state);
  if (machine === undefined) throw new Error(`no machine is ${state}, but ${JSON.stringify(counts(world))}`);
  return machine;
}
const stateOf = async (world: World, id: MachineId) => (await world.store.machine(id))?.state;
const eventsOf = async (world: World, id: MachineId): Promise<string[]> =>
  (await world.store.eventsOf(id)).map(({ what, detail }) => `${what}: ${detail}`);
const callsOf = (world: World, verb: string) => world.provider.calls.filter((call) => call.verb === verb);
const acquire = async (world: World): Promise<MachineId> => {
  const { id } = await world.leases.request({ poolName: "small", holder: "test", ttlMs: 60 * MINUTE_MS });
  const held = world.leases.waitUntilHeld(id, () => undefined, signal);
  await world.clock.advance(2 * MINUTE_MS);
  return (await held).machineId;
};

describe("a pool with stopped_count", () => {
  it("keeps a machine that was booted once and stopped, beside the idle one", async () => {
    const world = await warmWorld();

    const stopped = inState(world, "stopped");
    expect(counts(world)).toMatchObject({ idle: 1, stopped: 1 });
    expect(world.provider.instances().map(({ stoppedAt }) => stoppedAt === undefined)).toContain(false);
    expect(await eventsOf(world, stopped.id)).toEqual([
      "launch requested: 0 of idle_count 1 ready, 0 of stopped_count 1 stopped",
      expect.stringMatching(/^machine launched: sim/),
      expect.stringMatching(/^machine ready: 30.0 s after launch, at 127\./),
      "stop requested: 1 of stopped_count 1 to be filled, and idle_count 1 is met without it",
      expect.stringMatching(/^machine stopped: within \d+ s$/),
    ]);
    expect(world.errors).toEqual([]);
  });

  it("starts the stopped machine in the place of a launch, at another address, and fills the place up", async () => {
    const world = await warmWorld();
    const stopped = inState(world, "stopped");
    const [before] = world.provider.instances().filter(({ machineId }) => machineId === stopped.id);
    const { host } = before?.address ?? { host: "" };
    const launches = callsOf(world, "launch").length;

    await acquire(world);
    const again = inState(world, "idle");
    await world.clock.advance(4 * MINUTE_MS);

    expect(again.id).toBe(stopped.id);
    expect(again.state === "idle" && again.address.host).not.toBe(host);
    expect(callsOf(world, "start")).toHaveLength(1);
    expect(callsOf(world, "launch").length - launches).toBe(1);
    expect(counts(world)).toMatchObject({ idle: 1, leased: 1, stopped: 1 });
    expect((await eventsOf(world, stopped.id)).slice(5, 7)).toEqual([
      "start requested: 0 of idle_count 1 ready",
      expect.stringMatching(/^machine ready: 30.0 s after its start, at 127\./),
    ]);
  });

  it("leases a machine that was started once, and never stops it after that", async () => {
    const world = await warmWorld({ maxMachines: 2 });
    const stopped = inState(world, "stopped");
    await acquire(world);

    const second = await acquire(world);
    await world.clock.advance(10 * MINUTE_MS);

    expect(second).toBe(stopped.id);
    expect(await stateOf(world, second)).toBe("leased");
    expect(callsOf(world, "stop")).toHaveLength(1);
  });

  it("closes the metadata service of a started machine again, and pins the key that it made itself", async () => {
    const world = await warmWorld({}, { showsSeed: true });
    const stopped = inState(world, "stopped");
    const { hostKey } = stopped;

    await acquire(world);

    const again = inState(world, "idle");
    expect([again.id, again.hostKey]).toEqual([stopped.id, hostKey]);
    expect(hostKey).toMatch(/made by/);
    const { providerId } = again as { readonly providerId: string };
    expect(world.guest.sealedAgain).toEqual([providerId]);
  });

  it("ends stopped machines with the pool's wish, at its removal, and at the stop of the manager", async () => {
    const pools = [pool({ idleCount: 1, stoppedCount: 2 })];
    const world = await startWorld({ pools });
    await world.clock.advance(8 * MINUTE_MS);
    expect(counts(world)).toMatchObject({ idle: 1, stopped: 2 });
    const [oldest] = world.fleet.state.machines().filter(({ state }) => state === "stopped");

    pools[0] = pool({ idleCount: 1, stoppedCount: 1 });
    await world.clock.advance(2 * MINUTE_MS);
    expect(counts(world)).toMatchObject({ idle: 1, stopped: 1 });
    expect(await world.store.machine(oldest?.id as MachineId)).toMatchObject({ reason: "surplus-stopped" });

    const closed = world.loop.close(MINUTE_MS);
    await world.clock.advance(2 * MINUTE_MS);
    expect(await closed).toEqual([]);
    expect(world.provider.instances()).toEqual([]);
  });

  it("ends and replaces what was made by other settings", async () => {
    const pools = [pool({ idleCount: 1, stoppedCount: 1 })];
    const world = await startWorld({ pools });
    await world.clock.advance(4 * MINUTE_MS);
    const old = inState(world, "stopped");

    pools[0] = pool({ idleCount: 1, stoppedCount: 1, guest: { ...pool().guest, docker: "socket" } });
    await world.clock.advance(6 * MINUTE_MS);

    expect(await world.store.machine(old.id)).toMatchObject({ state: "terminated", reason: "pool-changed" });
    const next = inState(world, "stopped");
    expect(next.recipe).not.toBe(old.recipe);
  });
});

describe("what a provider does", () => {
  it("a refused stop ends the machine, and no other is made for it for a while", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 1, stoppedCount: 1 })] });
    world.provider.failNext("stop", new SystemError("ec2-refused", "it cannot be stopped"));
    await world.clock.advance(55_000);
    const launches = callsOf(world, "launch").length;

    expect(counts(world)).toMatchObject({ idle: 1, stopped: 0 });
    expect(launches).toBe(2);
    const ended = (await world.store.recentMachines(9)).find(({ state }) => state === "terminated");
    expect(ended).toMatchObject({ reason: "stop-failed", detail: "it cannot be stopped" });

    await world.clock.advance(10 * MINUTE_MS);
    expect(counts(world)).toMatchObject({ idle: 1, stopped: 1 });
  });

  it("a stop whose answer was lost is asked for again, and counts once a list shows it done", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 1, stoppedCount: 1 })] });
    world.provider.failNext("stop", new TransientError("reset", "connection reset"), "after");
    world.provider.failNext("stop", new TransientError("reset", "connection reset"), "before");
    await world.clock.advance(4 * MINUTE_MS);

    expect(counts(world)).toMatchObject({ idle: 1, stopped: 1 });
    expect(callsOf(world, "stop")).toHaveLength(3);
  });

  it("a start without room ends the machine, and a fresh one is launched in its place at once", async () => {
    const world = await warmWorld();
    const stopped = inState(world, "stopped");
    world.provider.failNext("start", new CapacityError("no-capacity", "no capacity of that kind"));

    await acquire(world);

    expect(await world.store.machine(stopped.id)).toMatchObject({
      state: "terminated",
      reason: "start-failed",
      detail: "no capacity of that kind",
    });
    expect(counts(world)).toMatchObject({ idle: 1, leased: 1 });
  });

  it("a start that fails in passing is asked for again", async () => {
    // No room for a machine that would be ready before it.
    const world = await warmWorld({ maxMachines: 2 });
    const stopped = inState(world, "stopped");
    world.provider.failNext("start", new TransientError("throttled", "request limit exceeded"));

    await acquire(world);

    expect(inState(world, "idle").id).toBe(stopped.id);
    expect(callsOf(world, "start")).toHaveLength(2);
  });

  it("a machine that dies while it starts is ended, and replaced", async () => {
    const world = await warmWorld();
    const stopped = inState(world, "stopped");
    await world.leases.request({ poolName: "small", holder: "test", ttlMs: 60 * MINUTE_MS });
    await world.clock.advance(10_000);
    const starting = inState(world, "starting");
    world.provider.loseInstance((starting as { readonly providerId: string }).providerId);
    await world.clock.advance(6 * MINUTE_MS);

    expect(await world.store.machine(stopped.id)).toMatchObject({ state: "terminated", reason: "instance-gone" });
    expect(counts(world)).toMatchObject({ idle: 1, leased: 1, stopped: 1 });
  });

  it("a stopped machine that vanishes is replaced", async () => {
    const world = await warmWorld();
    const stopped = inState(world, "stopped");

    world.provider.vanishInstance((stopped as { readonly providerId: string }).providerId);
    await world.clock.advance(6 * MINUTE_MS);

    expect(await world.store.machine(stopped.id)).toMatchObject({ reason: "instance-gone" });
    expect(counts(world)).toMatchObject({ idle: 1, stopped: 1 });
  });

  it("a stopped machine that somebody else started is ended, on the word of two lists", async () => {
    const world = await warmWorld();
    const stopped = inState(world, "stopped");
    const [instance] = world.provider.instances().filter(({ machineId }) => machineId === stopped.id);
    if (instance !== undefined) world.provider.driverSide.start(instance);

    await world.clock.advance(70_000);
    expect(await stateOf(world, stopped.id)).toBe("stopped");
    await world.clock.advance(3 * MINUTE_MS);

    expect(await world.store.machine(stopped.id)).toMatchObject({ reason: "not-stopped" });
  });

  it("a list that lags shows a started machine as stopped, which ends nothing", async () => {
    const world = await warmWorld();
    const stopped = inState(world, "stopped");
    await acquire(world);
    world.lies.list = (instances) =>
      instances.map((one) => (one.machineId === stopped.id ? { ...one, state: "stopped" } : one));
    await world.restart();
    await world.clock.advance(25_000);
    world.lies.list = (instances) => instances;
    await world.clock.advance(5 * MINUTE_MS);

    expect(await stateOf(world, stopped.id)).toBe("idle");
  });

  it("a machine that stopped by itself is no stopped machine, and is ended", async () => {
    const world = await warmWorld();
    const idle = inState(world, "idle");

    world.provider.loseInstance((idle as { readonly providerId: string }).providerId);
    await world.clock.advance(MINUTE_MS);

    expect(await world.store.machine(idle.id)).toMatchObject({ state: "terminated", reason: "instance-gone" });
  });
});

describe("another manager", () => {
  it.each(["driver.stop", "driver.start"] as const)(
    "goes on where one died at %s, before and after it",
    async (port) => {
      for (const moment of ["before", "after"] as const) {
        const world = await startWorld({ pools: [pool({ idleCount: 1, stoppedCount: 1 })] });
        if (port === "driver.start") {
          await world.clock.advance(4 * MINUTE_MS);
          await world.leases.request({ poolName: "small", holder: "test", ttlMs: 60 * MINUTE_MS });
        }
        world.kill(port, moment);
        await world.clock.advance(2 * MINUTE_MS);
        await world.restart();
        await world.clock.advance(6 * MINUTE_MS);

        expect(counts(world)).toMatchObject({ idle: 1, stopped: 1 });
        const known = world.fleet.state.machines().map(({ id }) => id);
        expect(world.provider.instances().map(({ machineId }) => machineId)).toEqual(known);
        expect(world.errors).toEqual([]);
      }
    },
  );

  it("keeps a stopped machine as it is", async () => {
    const world = await warmWorld();
    const stopped = inState(world, "stopped");

    await world.restart();
    await world.clock.advance(5 * MINUTE_MS);

    expect(inState(world, "stopped").id).toBe(stopped.id);
    expect(callsOf(world, "stop")).toHaveLength(1);
  });
});
