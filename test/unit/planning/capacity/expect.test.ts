import { expect, it } from "vitest";
import { tryInLoop } from "../../../../src/commands/plan/loop.ts";
import { sortArrivals } from "../../../../src/planning/capacity/arrivals.ts";
import { tryAsked } from "../../../../src/planning/capacity/asked.ts";
import { expectFrom as expectBy } from "../../../../src/planning/capacity/expect.ts";
import type { DesiredPool } from "../../../../src/domain/pool.ts";
import { pool } from "../../../support/pools.ts";

const expectFrom = (past: Parameters<typeof expectBy>[0], before: DesiredPool | undefined, after: DesiredPool) =>
  expectBy(past, before, after, async (trial, pool) => tryAsked(trial, { kind: "pool", pool }));

const HOUR_MS = 3_600_000;

/** Three jobs of ten minutes at once, each half hour of some days. */
function pastOf(days: number) {
  const times = Array.from({ length: days * 48 }, (_, n) => n * (HOUR_MS / 2)).flatMap((at) => [at, at, at]);
  const arrivals = sortArrivals(Float64Array.from(times), new Float64Array(times.length).fill(600_000));
  return { arrivals, bootTimesMs: [60_000] };
}

const free = { maxMachines: 50, maxGrowthRate: 50, cost: { usdPerHour: 0.1 } };
const one = pool({ ...free, idleCount: 1 });
const three = pool({ ...free, idleCount: 3 });

it("tells what a count would have cost and attained on a pool's past, beside what is in force", async () => {
  const expected = await expectFrom(pastOf(20), one, three);

  expect(expected).toMatchObject({ jobs: 14 * 144, waitMs: 5_000 });
  expect(expected?.days).toBeCloseTo(14);
  expect(expected?.after.share).toBe(1);
  expect(expected?.before?.share).toBeCloseTo(1 / 3, 1);
  // Of three machines each is away for its boot of a minute every half hour.
  expect(expected?.after.idleMachines).toBeCloseTo((3 * 29) / 30, 1);
  expect(expected?.after.usdPerDay).toBeCloseTo(0.1 * 24 * (3 + 1), 0);
});

it("tells what a target would have chosen, and judges both by its wait", async () => {
  const aimed = pool({ ...free, idleCount: 0, target: { waitMs: 1_000, share: 0.95 } });

  const expected = await expectFrom(pastOf(20), three, aimed);

  expect(expected?.waitMs).toBe(1_000);
  expect(expected?.after.share).toBeGreaterThan(0.93);
  expect(expected?.after.idleMachines).toBeGreaterThan(2);
  expect(expected?.after.idleMachines).toBeLessThan(5);
});

it("keeps fewer machines for a wait that is worth less", async () => {
  const priced = (waitUsdPerMinute: number) =>
    expectFrom(pastOf(20), undefined, pool({ ...free, idleCount: 0, target: { waitMs: 0, waitUsdPerMinute } }));

  expect((await priced(0.0001))?.after.idleMachines).toBeLessThan(0.5);
  expect((await priced(1))?.after.idleMachines).toBeGreaterThan(2.5);
  expect((await priced(1))?.before).toBeUndefined();
});

it("counts the days whose jobs alone would have passed a budget", async () => {
  // 144 jobs a day of eleven minutes with their boots cost $2.64.
  const over = async (budgetUsdPerDay: number) =>
    (await expectFrom(pastOf(3), one, { ...one, budgetUsdPerDay }))?.after.daysOverBudget;

  expect([await over(2.5), await over(2.7)]).toEqual([3, 0]);
  expect((await expectFrom(pastOf(3), one, one))?.after.daysOverBudget).toBeUndefined();
});

it("has a budget stop launches once it is spent, and jobs wait for the next day", async () => {
  const poor = { ...one, budgetUsdPerDay: 1.5 };

  const expected = await expectBy(pastOf(3), one, poor, (trial, pool) =>
    tryInLoop(trial, { kind: "pool", pool }, undefined, () => undefined, new AbortController().signal),
  );

  expect(expected?.before?.usdPerDay).toBeGreaterThan(2.6);
  expect(expected?.before?.longestWaitMs).toBeLessThanOrEqual(60_000);
  expect(expected?.after.usdPerDay).toBeLessThan(1.6);
  expect(expected?.after.share).toBeLessThan((expected?.before?.share ?? 0) / 2);
  expect(expected?.after.longestWaitMs).toBeGreaterThan(24 * HOUR_MS);
});

it("tells nothing from too little", async () => {
  const { arrivals } = pastOf(1);
  const few = { readyAt: arrivals.readyAt.slice(0, 19), durationMs: arrivals.durationMs.slice(0, 19) };
  const brief = { readyAt: arrivals.readyAt.slice(0, 30), durationMs: arrivals.durationMs.slice(0, 30) };

  expect(await expectFrom({ arrivals: few, bootTimesMs: [] }, one, three)).toBeUndefined();
  expect(await expectFrom({ arrivals: brief, bootTimesMs: [] }, one, three)).toBeUndefined();
  expect(await expectFrom({ arrivals, bootTimesMs: [] }, one, three)).toBeDefined();
});
