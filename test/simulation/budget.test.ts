import { expect, it } from "vitest";
import { viewPool } from "../../src/pool/control.ts";
import { pool } from "../support/pools.ts";
import { startWorld } from "../support/world.ts";
import type { World } from "../support/world.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const signal = new AbortController().signal;

// A dollar an hour: one job of 20 minutes, its boot and its end cost 35 cents or so.
const budgeted = pool({
  ...{ maxMachines: 20, idleCount: 1, idleTimeMs: MINUTE_MS, maxGrowthRate: 20, jobTimeoutMs: 30 * MINUTE_MS },
  ...{ cost: { usdPerHour: 1 }, budgetUsdPerDay: 5 },
});

/** Has a job of 20 minutes come; it says why it waits. */
function startJob(world: World, whys: Set<string>): void {
  const run = async (): Promise<void> => {
    const request = { poolName: "small", holder: "test", ttlMs: HOUR_MS, waitTimeoutMs: 48 * HOUR_MS };
    const { id } = await world.leases.request(request);
    await world.leases.waitUntilHeld(id, (why) => whys.add(why), signal);
    world.clock.schedule(20 * MINUTE_MS, () => void world.leases.release(id, "released", "done"));
  };
  run().catch((error: unknown) => world.errors.push(error));
}

async function spentUsd(world: World, from: number, to: number): Promise<number> {
  const machines = await world.store.recentMachines(10_000);
  return machines.reduce((sum, machine) => {
    const since = "launchedAt" in machine ? machine.launchedAt : undefined;
    const until = "terminatedAt" in machine ? machine.terminatedAt : world.clock.now();
    return sum + (since === undefined ? 0 : Math.max(0, Math.min(to, until) - Math.max(from, since)) / HOUR_MS);
  }, 0);
}

it("stops launches when the day's budget is spent, tells who waits, and goes on at midnight", async () => {
  const world = await startWorld({ pools: [budgeted], bootMs: 30_000 });
  const whys = new Set<string>();
  await world.clock.advance(MINUTE_MS);
  for (let n = 0; n < 40; n += 1) {
    startJob(world, whys);
    await world.clock.advance(10 * MINUTE_MS);
  }
  const view = viewPool(world.fleet, "small");
  await world.clock.advance(24 * HOUR_MS - world.clock.now() - 1);
  const firstDay = await spentUsd(world, 0, 24 * HOUR_MS);
  await world.clock.advance(5 * MINUTE_MS);
  const [waitingBefore, waitingAfter] = [view.waitingLeases, viewPool(world.fleet, "small").waitingLeases];

  expect(firstDay).toBeGreaterThan(4);
  expect(firstDay).toBeLessThanOrEqual(5);
  expect([...whys].some((why) => why.includes("budget_per_day ($5.00)"))).toBe(true);
  expect(view.why).toContain("spent since midnight UTC");
  expect(waitingBefore).toBeGreaterThan(10);
  expect(waitingAfter).toBeLessThan(waitingBefore);
  expect(world.errors).toEqual([]);
});

it("knows after a restart what was spent before it", async () => {
  const world = await startWorld({ pools: [budgeted], bootMs: 30_000 });
  const whys = new Set<string>();
  for (let n = 0; n < 40; n += 1) {
    startJob(world, whys);
    await world.clock.advance(10 * MINUTE_MS);
    if (n % 5 === 0) world.kill();
    if (n % 5 === 0) await world.restart();
  }
  await world.clock.advance(24 * HOUR_MS - world.clock.now() - 1);

  expect(await spentUsd(world, 0, 24 * HOUR_MS)).toBeLessThanOrEqual(5);
});
