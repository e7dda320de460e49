import { expect, it } from "vitest";
import { ConflictError } from "../../../src/domain/errors.ts";
import { countByState } from "../../../src/planning/observed.ts";
import { nudge } from "../../../src/pool/fleet.ts";
import type { DesiredPool } from "../../../src/domain/pool.ts";
import { pool } from "../../support/pools.ts";
import { startWorld } from "../../support/world.ts";
import type { World, WorldOptions } from "../../support/world.ts";

const signal = new AbortController().signal;
const HOUR_MS = 3_600_000;
const request = { poolName: "small", holder: "test", ttlMs: HOUR_MS };
const image = (name: string): Pick<DesiredPool, "shape"> => ({ shape: { driver: "simulated", image: name } });
const counts = (world: World): Record<string, number> => countByState(world.fleet.state.machines());
const idsOf = (world: World, state: string): string[] =>
  world.fleet.state.machines().flatMap((machine) => (machine.state === state ? [machine.id] : []));

/** A world whose pool is warm, with boots of 30 s. */
async function warmWorld(changes: Partial<DesiredPool>, options: Partial<WorldOptions> = {}): Promise<World> {
  const world = await startWorld({ pools: [pool({ ...image("old"), ...changes })], ...options });
  await world.clock.advance(200_000);
  return world;
}

/** Wishes for other pools from now on, as a change of the configuration does. */
function wish(world: World, pools: readonly DesiredPool[]): void {
  world.desired = { ...world.desired, pools };
  nudge(world.fleet);
}

it("rolls idle machines over to a new shape, and keeps the old ones until the new ones are ready", async () => {
  const world = await warmWorld({ idleCount: 2 });
  const old = idsOf(world, "idle");

  wish(world, [pool({ ...image("new"), idleCount: 2 })]);
  await world.clock.advance(10_000);

  expect(counts(world)).toMatchObject({ idle: 2, booting: 2 });
  expect(idsOf(world, "idle")).toEqual(old);
  await world.clock.advance(60_000);
  expect(counts(world)).toMatchObject({ idle: 2, booting: 0, terminating: 0 });
  expect(idsOf(world, "idle").filter((id) => old.includes(id))).toEqual([]);
  const ended = await Promise.all(old.map((id) => world.store.machine(id as never)));
  expect(ended).toMatchObject([{ reason: "pool-changed" }, { reason: "pool-changed" }]);
  expect(world.errors).toEqual([]);
});

it("retires an old idle machine first where the limits leave no room beside it", async () => {
  const world = await warmWorld({ idleCount: 2, maxMachines: 2, maxGrowthRate: 1 });
  const old = idsOf(world, "idle");

  wish(world, [pool({ ...image("new"), idleCount: 2, maxMachines: 2, maxGrowthRate: 1 })]);
  await world.clock.advance(10_000);

  expect(idsOf(world, "idle")).toEqual(old.slice(1));
  await world.clock.advance(120_000);
  expect(counts(world)).toMatchObject({ idle: 2, booting: 0 });
  expect(idsOf(world, "idle").filter((id) => old.includes(id))).toEqual([]);
});

it("retires what boots in the old shape at once", async () => {
  const world = await startWorld({ pools: [pool({ ...image("old"), idleCount: 1 })] });
  await world.clock.advance(5_000);
  const [booting] = idsOf(world, "booting");

  wish(world, [pool({ ...image("new"), idleCount: 1 })]);
  await world.clock.advance(1_000);

  expect(await world.store.machine(booting as never)).toMatchObject({ reason: "pool-changed" });
  await world.clock.advance(40_000);
  expect(counts(world)).toMatchObject({ idle: 1, booting: 0 });
});

it("lets a leased machine of the old shape finish, and gives those of the new shape first", async () => {
  const world = await warmWorld({ idleCount: 2 });
  const lease = await world.leases.request(request);
  const held = await world.leases.waitUntilHeld(lease.id, () => undefined, signal);
  await world.clock.advance(60_000);

  wish(world, [pool({ ...image("new"), idleCount: 2, maxMachines: 9, maxGrowthRate: 1 })]);
  await world.clock.advance(32_000);
  const next = await world.leases.request(request);
  const second = await world.leases.waitUntilHeld(next.id, () => undefined, signal);

  const digests = [held, second].map(({ machineId }) => world.fleet.state.machine(machineId)?.shapeDigest);
  expect(digests[0]).not.toBe(digests[1]);
  await world.clock.advance(HOUR_MS / 2);
  expect(world.fleet.state.machine(held.machineId)?.state).toBe("leased");
  expect(held.lost.aborted).toBe(false);
});

it("keeps the old idle machines while nothing can be launched in the new shape", async () => {
  const world = await warmWorld({ idleCount: 2, maxMachines: 4 });
  const old = idsOf(world, "idle");
  world.fleet.state.notes("small").launchProblem = "there is no such image";
  world.fleet.state.notes("small").launchesPausedUntil = world.clock.now() + HOUR_MS;

  wish(world, [pool({ ...image("new"), idleCount: 2, maxMachines: 2 })]);
  await world.clock.advance(120_000);

  expect(idsOf(world, "idle")).toEqual(old);
});

it("drains a pool that is removed: idle ones go, a leased one finishes, who waits is told so", async () => {
  const world = await warmWorld(
    { idleCount: 1, maxMachines: 1 },
    { pools: [pool({ maxMachines: 1 }), pool({ name: "big" })] },
  );
  const first = await world.leases.request(request);
  const held = await world.leases.waitUntilHeld(first.id, () => undefined, signal);
  const waiting = await world.leases.request(request);
  const told = world.leases.waitUntilHeld(waiting.id, () => undefined, signal).catch((error: unknown) => error);

  wish(world, [pool({ name: "big" })]);
  await world.clock.advance(60_000);

  expect(await told).toEqual(
    new ConflictError(
      "pool-removed",
      'pool "small" was removed from the configuration while this waited for a machine; run it again in another pool',
    ),
  );
  expect(await world.store.lease(waiting.id)).toMatchObject({ state: "ended", outcome: "pool-removed" });
  expect(world.fleet.state.machine(held.machineId)?.state).toBe("leased");
  await world.leases.release(first.id, "released", "done");
  await world.clock.advance(60_000);
  expect(world.fleet.state.machines("small")).toEqual([]);
  expect(world.errors).toEqual([]);
});
