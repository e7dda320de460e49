import { expect, it } from "vitest";
import { viewPool } from "../../src/pool/control.ts";
import type { DecisionRecord } from "../../src/pool/target/record.ts";
import { whyPool } from "../../src/pool/target/view.ts";
import { decideFrom } from "../../src/planning/capacity/target/decide.ts";
import { pool } from "../support/pools.ts";
import { startWorld } from "../support/world.ts";
import type { World } from "../support/world.ts";

const MINUTE_MS = 60_000;
const signal = new AbortController().signal;

const aimed = pool({
  ...{ maxMachines: 20, idleCount: 0, idleTimeMs: 10 * MINUTE_MS, maxGrowthRate: 20 },
  target: { waitMs: 1_000, share: 0.95 },
});

/** Runs one job of a minute; answers how long it waited, in milliseconds. */
async function runJob(world: World): Promise<number> {
  const askedAt = world.clock.now();
  const { id } = await world.leases.request({ poolName: "small", holder: "test", ttlMs: 10 * MINUTE_MS });
  await world.leases.waitUntilHeld(id, () => undefined, signal);
  const waitedMs = world.clock.now() - askedAt;
  world.clock.schedule(MINUTE_MS, () => void world.leases.release(id, "released", "done"));
  return waitedMs;
}

/** Has `count` jobs come at once, then lets a time pass. */
async function burst(world: World, count: number, ms: number): Promise<number[]> {
  const waits = Array.from({ length: count }, () => runJob(world));
  await world.clock.advance(ms);
  return Promise.all(waits);
}

const levelOf = (world: World): number => viewPool(world.fleet, "small").wish?.idleCount ?? Number.NaN;

async function recordsOf(world: World): Promise<DecisionRecord[]> {
  const decisions = await world.store.decisionsOf("small", 1_000);
  return decisions.map(({ record }) => JSON.parse(record) as DecisionRecord);
}

it("keeps one machine for a pool of which nothing is known, and none where the wait covers a boot", async () => {
  const patient = pool({ ...aimed, name: "patient", target: { waitMs: 5 * MINUTE_MS, share: 0.95 } });
  const world = await startWorld({ pools: [aimed, patient], bootMs: 30_000 });
  await world.clock.advance(2 * MINUTE_MS);

  const [small, other] = ["small", "patient"].map((name) => viewPool(world.fleet, name));

  expect(small?.machines.idle).toBe(1);
  expect(small?.why).toContain("target: 1 for 95 % of jobs within 1 s");
  expect(other?.machines.idle).toBe(0);
  expect(other?.why).toContain("a job may wait 300 s and a boot takes 60 s: no idle machine is needed for 95 %");
  expect(world.errors).toEqual([]);
});

it("learns that jobs come in bursts of five, keeps machines for them, and serves them at once", async () => {
  const world = await startWorld({ pools: [aimed], bootMs: 30_000 });
  await world.clock.advance(2 * MINUTE_MS);
  const first = await burst(world, 5, 20 * MINUTE_MS);
  for (let n = 0; n < 60; n += 1) await burst(world, 5, 20 * MINUTE_MS);
  const last = await burst(world, 5, 20 * MINUTE_MS);

  expect(first.filter((ms) => ms > 1_000)).toHaveLength(4);
  expect(last.filter((ms) => ms > 1_000)).toEqual([]);
  expect(levelOf(world)).toBeGreaterThanOrEqual(5);
  expect(world.errors).toEqual([]);
});

it("goes on after a restart from what it had learnt, as if nothing had happened, and from past jobs where that is gone", async () => {
  const [world, other] = [
    await startWorld({ pools: [aimed], bootMs: 30_000 }),
    await startWorld({ pools: [aimed], bootMs: 30_000 }),
  ];
  for (let n = 0; n < 40; n += 1) for (const one of [world, other]) await burst(one, 5, 20 * MINUTE_MS);

  await world.restart();
  for (const one of [world, other]) await one.clock.advance(2 * MINUTE_MS);
  const kept = world.fleet.planners.byPool.get("small")?.state;
  const [level, levelElsewhere] = [levelOf(world), levelOf(other)];
  await world.store.commit([{ kind: "pool-memory", poolName: "small", memory: "{" }]);
  world.kill();
  await world.restart();
  await world.clock.advance(2 * MINUTE_MS);
  const anew = world.fleet.planners.byPool.get("small")?.state;

  expect(level).toBeGreaterThanOrEqual(2);
  expect(level).toBe(levelElsewhere);
  expect(kept?.jobsSeen).toBe(200);
  expect(anew?.jobsSeen).toBe(200);
  expect(levelOf(world)).toBeGreaterThanOrEqual(2);
  expect(world.errors).toEqual([]);
});

it("measures boots from the order to the ready machine, over restarts", async () => {
  const world = await startWorld({ pools: [aimed], bootMs: 20_000, launchDelayMs: 5_000 });
  for (let n = 0; n < 20; n += 1) await burst(world, 1, 10 * MINUTE_MS);
  await world.restart();
  await world.clock.advance(MINUTE_MS);

  const { times } = world.fleet.planners.bootsOf("small");

  expect(times.tookMs.length).toBeGreaterThan(10);
  expect(times.tookMs.every((ms) => ms >= 25_000 && ms < 26_000)).toBe(true);
});

it("records every change of level with what makes the same decision again", async () => {
  const world = await startWorld({ pools: [aimed], bootMs: 30_000 });
  for (let n = 0; n < 30; n += 1) await burst(world, 6, 20 * MINUTE_MS);

  const records = await recordsOf(world);

  expect(records.length).toBeGreaterThan(3);
  for (const [index, { inputs, level, binding, why, window }] of records.entries()) {
    if (inputs === undefined || window === undefined) throw new Error("a decision without what it was made from");
    expect(decideFrom(inputs).decision).toMatchObject({ level, binding, why });
    expect(level).not.toBe(records[index + 1]?.level);
    expect(window.p99).toBeGreaterThanOrEqual(window.p50);
  }
  expect(records[0]?.level).toBe(levelOf(world));
});

it("says why the level is what it is, with the numbers of the decision and the changes before it", async () => {
  const world = await startWorld({ pools: [{ ...aimed, cost: { usdPerHour: 0.12 } }, pool({ name: "plain" })] });
  for (let n = 0; n < 30; n += 1) await burst(world, 6, 20 * MINUTE_MS);

  const why = await whyPool(world.fleet, "small");
  const plain = await whyPool(world.fleet, "plain");

  expect(why).toMatchObject({ policy: "target", level: levelOf(world), bootMs: 30_000, jobsSeen: 180 });
  expect(why.decision).toMatchObject({
    level: why.level,
    asked: expect.any(Number),
    forecastPerHour: expect.any(Number),
  });
  expect(why.decision?.waitUsdPerMinute).toBeCloseTo(((why.decision?.price ?? 0) * 0.12) / 60 / 0.5, 6);
  expect(why.promise).toMatchObject({ waitMs: aimed.target?.waitMs, share: aimed.target?.share, limitedJobs: 0 });
  expect(why.promise?.jobs).toBe(180);
  expect(why.promise?.attainedShare).toBeGreaterThan(0.5);
  expect(why.promise?.priceFactor).toBeGreaterThan(0);
  expect(plain.promise).toBeUndefined();
  expect(why.changes.length).toBeGreaterThan(3);
  expect(why.changes[0]).toMatchObject({ level: why.level, window: { p50: expect.any(Number) } });
  expect(plain).toMatchObject({ policy: "static", level: 1, changes: [] });
});

it("orders machines ahead of the jobs that a pipeline announced, and serves them at once", async () => {
  const world = await startWorld({ pools: [aimed], bootMs: 30_000 });
  for (let n = 0; n < 30; n += 1) await burst(world, 1, 20 * MINUTE_MS);
  const seenBefore = world.fleet.planners.byPool.get("small")?.state.jobsSeen;
  const { announced } = world.fleet.planners;
  const readyAt = world.clock.now() + 5 * MINUTE_MS;
  const jobs = [{ poolName: "small", count: 8, chance: 0.9, readyAt: [readyAt, readyAt + 30_000] }];
  announced.announce("p-1", { jobs, begun: [], ttlMs: 60 * MINUTE_MS }, world.clock.now());
  await world.clock.advance(2 * MINUTE_MS);
  const long = levelOf(world);
  await world.clock.advance(readyAt - world.clock.now());
  const due = levelOf(world);
  announced.announce("p-1", { jobs: [], begun: [{ poolName: "small", count: 8 }], ttlMs: 60_000 }, world.clock.now());
  const waits = await burst(world, 8, MINUTE_MS);

  expect(long).toBeLessThan(4);
  expect(due).toBeGreaterThanOrEqual(8);
  expect(waits.filter((ms) => ms > 1_000)).toEqual([]);
  expect(world.fleet.planners.byPool.get("small")?.state.jobsSeen).toBe(seenBefore);
});

it("stays between its least and its most, and says which of them binds", async () => {
  const bounded = { ...aimed, idleCountMin: 2, idleCountMax: 3 };
  const world = await startWorld({ pools: [bounded], bootMs: 30_000 });
  await world.clock.advance(2 * MINUTE_MS);
  const quiet = viewPool(world.fleet, "small");
  for (let n = 0; n < 60; n += 1) await burst(world, 6, 20 * MINUTE_MS);
  const busy = viewPool(world.fleet, "small");

  expect(quiet.wish).toMatchObject({ idleCount: 2 });
  expect(quiet.why).toContain("would do, idle_count_min is 2");
  expect(busy.wish).toMatchObject({ idleCount: 3 });
  expect(busy.why).toContain("idle_count_max allows 3");
});

it("leaves the last level in force when the planner fails, says so once, and begins anew when it stays broken", async () => {
  const world = await startWorld({ pools: [aimed], bootMs: 30_000 });
  for (let n = 0; n < 40; n += 1) await burst(world, 5, 20 * MINUTE_MS);
  const before = levelOf(world);
  const planner = world.fleet.planners.byPool.get("small");
  if (planner === undefined) throw new Error("no planner");
  planner.state.correction = Number.NaN;
  planner.state.mix.weights.fill(Number.NaN);
  await world.clock.advance(5 * MINUTE_MS);
  const during = viewPool(world.fleet, "small");
  const machines = during.machines.idle;
  await world.clock.advance(30 * MINUTE_MS);

  expect(during.wish?.idleCount).toBe(before);
  expect(during.why).toContain("stay in force: the planner failed");
  expect(machines).toBe(before);
  expect(world.errors).toHaveLength(1);
  expect(viewPool(world.fleet, "small").why).not.toContain("failed");
});
