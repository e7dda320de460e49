import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tryInLoop } from "../../../src/commands/plan/loop.ts";
import type { DesiredPool } from "../../../src/domain/pool.ts";
import type { Arrivals } from "../../../src/planning/capacity/arrivals.ts";
import { cutArrivals, sortArrivals } from "../../../src/planning/capacity/arrivals.ts";
import { tryAsked } from "../../../src/planning/capacity/asked.ts";
import type { AskedPolicy } from "../../../src/planning/capacity/asked.ts";
import { replayConstantLevel } from "../../../src/planning/capacity/baseStock.ts";
import { shareWithin } from "../../../src/planning/capacity/outcome.ts";
import { HOUR_MS } from "../../../src/planning/capacity/target/state.ts";
import type { Trial } from "../../../src/planning/capacity/trial.ts";
import { replayLoop } from "../../../src/simulation/trace/replay.ts";
import { simulateConstantLevel } from "../../support/constantLevel.ts";
import { drawArrivals, officeHours } from "../../support/demand.ts";
import { pool } from "../../support/pools.ts";

const TO = 1_000_000;
const anyTimes = fc.array(fc.integer({ min: 0, max: TO - 1 }), { maxLength: 40 });
const arrivalsOf = (times: readonly number[]): Arrivals =>
  sortArrivals(
    Float64Array.from(times),
    Float64Array.from(times, (at) => (at * 7) % 200_000),
  );
const free = (overrides: Partial<DesiredPool> = {}): DesiredPool =>
  pool({ maxMachines: 1e9, maxGrowthRate: 1e9, maxAgeMs: 1e12, jobTimeoutMs: 1e12, bootTimeoutMs: 1e12, ...overrides });
const never = new AbortController().signal;
const loop = (arrivals: Arrivals, desired: DesiredPool, bootMsOf: (order: number) => number) =>
  replayLoop(arrivals, { from: 0, to: TO, bootMsOf, pool: desired, onFraction: () => undefined }, never);

describe("a trace through the control loop", () => {
  it("ends though a budget pays for no machine at all, with jobs that have waited until that is clear", async () => {
    const desired = free({ idleCount: 1, cost: { usdPerHour: 1 }, budgetUsdPerDay: 1e-9 });

    const { waitMs, idleMs } = await loop(arrivalsOf([0, 5, TO - 1]), desired, () => 1_000);

    expect(Math.min(...waitMs)).toBeGreaterThanOrEqual(48 * HOUR_MS);
    expect(waitMs[0]).toBe((waitMs[2] ?? 0) + TO - 1);
    expect(idleMs).toBe(0);
  });

  it("gives at a constant level and a fixed boot time the wait of every job, and all machine time, of the closed form", async () => {
    await fc.assert(
      fc.asyncProperty(anyTimes, fc.nat(8), fc.integer({ min: 1, max: 300_000 }), async (times, level, bootMs) => {
        const arrivals = arrivalsOf(times);

        const outcome = await loop(arrivals, free({ idleCount: level }), () => bootMs);

        const exact = replayConstantLevel(arrivals, level, () => bootMs, 0, TO);
        expect(outcome.waitMs).toEqual(exact.waitMs);
        for (const figure of ["idleMs", "bootingMs", "busyMs", "wastedBootMs"] as const)
          expect([figure, outcome[figure]]).toEqual([figure, exact[figure]]);
      }),
      { numRuns: 40 },
    );
  });

  it("gives with random boot times the waits of a simulation that knows no machines, only orders", async () => {
    const bootTimes = fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 1, maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(anyTimes, fc.nat(6), bootTimes, async (times, level, boots) => {
        const bootMsOf = (order: number): number => boots[order % boots.length] ?? 0;

        const { waitMs } = await loop(arrivalsOf(times), free({ idleCount: level }), bootMsOf);

        expect([...waitMs]).toEqual(simulateConstantLevel(times, level, bootMsOf));
      }),
      { numRuns: 40 },
    );
  });

  it("never passes the pool's limits, and serves everybody all the same", async () => {
    const arrivals = arrivalsOf(Array.from({ length: 30 }, (_, n) => n * 1000));

    const outcome = await loop(arrivals, free({ idleCount: 2, maxMachines: 4, maxGrowthRate: 3 }), () => 20_000);

    expect(outcome.peakMachines).toBe(4);
    expect(outcome.waitMs.some((wait) => wait > 100_000)).toBe(true);
  });

  it("ends at once when nobody waits for its result any more", async () => {
    const interrupt = new AbortController();
    interrupt.abort(new Error("enough"));
    const settings = { from: 0, to: TO, bootMsOf: () => 1000, pool: free(), onFraction: () => undefined };

    await expect(replayLoop(arrivalsOf([1, 2]), settings, interrupt.signal)).rejects.toThrow("enough");
  });
});

describe("a pool with a target through the control loop", () => {
  const day = 24 * HOUR_MS;
  const drawn = drawArrivals(11, 3 * day, officeHours(30, 2));
  const whole: Arrivals = { readyAt: drawn.readyAt.map(Math.round), durationMs: drawn.durationMs };
  const cut = cutArrivals(whole, 2 * day, 2.5 * day);
  const trial: Trial = {
    ...cut,
    ...{ bootMsOf: () => 90_000, bootMs: 90_000, waitMs: 1000, share: 0.9 },
    limits: { maxMachines: Infinity, maxGrowthRate: Infinity, idleTimeMs: 600_000 },
  };
  const asked = (overrides: Partial<DesiredPool>): AskedPolicy => ({
    kind: "pool",
    pool: free({ target: { waitMs: 1000, share: 0.9 }, idleTimeMs: 600_000, ...overrides }),
  });
  const inLoop = async (on: Trial, policy: AskedPolicy) =>
    (
      await tryInLoop(
        on,
        policy,
        (each) => each,
        () => undefined,
        never,
      )
    ).outcome;

  it("has learnt from the jobs before the stretch, as the planner's rules have", async () => {
    const learnt = await inLoop(trial, asked({}));
    const cold = await inLoop({ ...trial, before: new Float64Array() }, asked({}));

    const rules = tryAsked(trial, asked({})).outcome;
    const off = (one: typeof rules): number => Math.abs(one.idleMs / rules.idleMs - 1);
    expect(learnt.waitMs).not.toEqual(cold.waitMs);
    expect(off(learnt)).toBeLessThan(0.1);
    expect(Math.abs(shareWithin(learnt.waitMs, 1000) - shareWithin(rules.waitMs, 1000))).toBeLessThan(0.03);
  });

  it("keeps a budget that the planner's rules do not know, and heeds the price of a minute's waiting", async () => {
    const cost = { usdPerHour: 1 };
    const [free_, bound] = [
      await inLoop(trial, asked({ cost })),
      await inLoop(trial, asked({ cost, budgetUsdPerDay: 20 })),
    ];
    const [cheap, dear] = [
      await inLoop(trial, asked({ cost, target: { waitMs: 1000, waitUsdPerMinute: 0.001 } })),
      await inLoop(trial, asked({ cost, target: { waitMs: 1000, waitUsdPerMinute: 1 } })),
    ];

    const usdOf = ({ idleMs, bootingMs, busyMs }: typeof bound): number => (idleMs + bootingMs + busyMs) / HOUR_MS;
    expect(usdOf(free_)).toBeGreaterThan(20);
    expect(usdOf(bound)).toBeLessThan(usdOf(free_));
    expect(dear.idleMs).toBeGreaterThan(2 * cheap.idleMs);
    expect(shareWithin(dear.waitMs, 1000)).toBeGreaterThan(shareWithin(cheap.waitMs, 1000));
  });
});

describe("the planner's rules, replayed from event to event", () => {
  const to = 48 * HOUR_MS;
  const drawn = drawArrivals(8, to, officeHours(40, 4));
  const trial: Trial = {
    arrivals: { readyAt: drawn.readyAt.map(Math.round), durationMs: drawn.durationMs },
    ...{ from: 0, to, before: new Float64Array(), bootMsOf: (order) => 60_000 + (order % 7) * 5_000, bootMs: 90_000 },
    ...{ waitMs: 1000, share: 0.95 },
    limits: { maxMachines: 12, maxGrowthRate: 3, idleTimeMs: 600_000 },
  };
  const night = { periods: ["* 0-7 * * *"], timezone: "Europe/Berlin", idleCount: 0 };
  const asked: readonly AskedPolicy[] = [
    { kind: "static", level: 4 },
    { kind: "scale_factor", factor: 0.5, min: 1, max: 6 },
    {
      kind: "pool",
      pool: pool({ idleCount: 3, schedule: [night], maxMachines: 15, maxAgeMs: 1e12, bootTimeoutMs: 1e12 }),
    },
  ];

  it.each(asked)("come to what the loop comes to: $kind", async (policy) => {
    const { outcome } = await tryInLoop(
      trial,
      policy,
      (each) => each,
      () => undefined,
      never,
    );

    const rules = tryAsked(trial, policy).outcome;
    const differing = outcome.waitMs.filter((wait, n) => Math.abs(wait - (rules.waitMs[n] ?? 0)) > 10);
    expect(differing.length / outcome.waitMs.length).toBeLessThan(0.01);
    expect(outcome.idleMs / rules.idleMs).toBeCloseTo(1, 2);
    expect(outcome.bootingMs / rules.bootingMs).toBeCloseTo(1, 2);
    expect(outcome.busyMs / rules.busyMs).toBeCloseTo(1, 2);
  });

  it("come near to what the loop comes to under a target, whose level hangs on when it was asked", async () => {
    const target: AskedPolicy = { kind: "target", share: 0.9, waitMs: 1000 };

    const { outcome } = await tryInLoop(
      trial,
      target,
      (each) => each,
      () => undefined,
      never,
    );

    const rules = tryAsked(trial, target).outcome;
    expect(Math.abs(shareWithin(outcome.waitMs, 1000) - shareWithin(rules.waitMs, 1000))).toBeLessThan(0.02);
    expect(Math.abs(outcome.idleMs / rules.idleMs - 1)).toBeLessThan(0.05);
  });
});
