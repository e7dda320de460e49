import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DesiredPool } from "../../../src/domain/pool.ts";
import { observeArrival, observeTime } from "../../../src/planning/capacity/target/observe.ts";
import { createTargetState } from "../../../src/planning/capacity/target/state.ts";
import { supplyOf } from "../../../src/planning/observed.ts";
import { chooseLevel } from "../../../src/pool/target/level.ts";
import type { TargetMoment } from "../../../src/pool/target/level.ts";
import { aimOf, windowMsOf } from "../../../src/pool/target/settings.ts";
import { bootingMachine, idleMachine, leasedMachine } from "../../support/machines.ts";
import { pool } from "../../support/pools.ts";

const HOUR_MS = 3_600_000;
const SPAN_MS = 30 * HOUR_MS;
const BOOT_MS = 90_000;

/** Arrivals of a bit more than a day, in bursts. */
const anyTimes = fc
  .array(fc.record({ at: fc.integer({ min: 0, max: SPAN_MS }), jobs: fc.integer({ min: 1, max: 6 }) }), {
    maxLength: 60,
  })
  .map((bursts) => bursts.flatMap(({ at, jobs }) => Array.from({ length: jobs }, () => at)).sort((a, b) => a - b));
const anyShare = fc.double({ min: 0.5, max: 0.999, noNaN: true });
const anyRoom = fc.option(fc.nat(5), { nil: undefined });
const anyMachines = fc.array(fc.constantFrom(idleMachine(), bootingMachine(), leasedMachine()), { maxLength: 8 });

const aimed = (overrides: Partial<DesiredPool> = {}): DesiredPool =>
  pool({
    ...{ idleCount: 0, maxMachines: 50, cost: { usdPerHour: 0.1 } },
    target: { waitMs: 1_000, share: 0.95 },
    ...overrides,
  });

/** Chooses for a pool whose planner has seen these jobs, which begin at 0. */
function levelFor(desired: DesiredPool, times: readonly number[], moment: Partial<TargetMoment> = {}) {
  const state = createTargetState(0, windowMsOf(desired, BOOT_MS));
  for (const at of times) observeArrival(state, at);
  observeTime(state, SPAN_MS);
  return chooseLevel({ state, aim: aimOf(desired), last: undefined }, desired, {
    ...{ now: SPAN_MS, machines: [], bootMs: BOOT_MS, budget: undefined, expected: () => [] },
    ...moment,
  });
}

describe("the level that a pool's target chooses", () => {
  it("passes neither max_machines, nor idle_count_max, nor what the budget leaves beside what is there", () => {
    const anyBounds = fc.record({
      maxMachines: fc.integer({ min: 1, max: 8 }),
      min: fc.nat(8),
      max: fc.option(fc.nat(8), { nil: undefined }),
    });
    fc.assert(
      fc.property(anyTimes, anyBounds, anyRoom, anyMachines, (times, { maxMachines, min, max }, room, machines) => {
        const desired = aimed({
          ...{ maxMachines, idleCountMax: max, idleCountMin: Math.min(min, max ?? maxMachines) },
          target: { waitMs: 0, share: 0.999 },
        });
        const budget = room === undefined ? undefined : { room, text: "" };

        const { decided, problem } = levelFor(desired, times, { budget, machines });

        const { level } = decided.decision;
        expect(problem).toBe("");
        expect(level).toBeLessThanOrEqual(Math.min(maxMachines, max ?? maxMachines));
        if (room !== undefined) expect(level).toBeLessThanOrEqual(supplyOf(machines) + room);
      }),
    );
  });

  it("is never lower for a higher share, nor for waiting that is worth more, nor for a budget that leaves more", () => {
    const anyPrice = fc.double({ min: 1e-4, max: 10, noNaN: true });
    const ordered = (a: number, b: number): [number, number] => [Math.min(a, b), Math.max(a, b)];
    const levelOf = (desired: DesiredPool, times: readonly number[], room?: number): number =>
      levelFor(desired, times, { budget: room === undefined ? undefined : { room, text: "" } }).decided.decision.level;
    fc.assert(
      fc.property(anyTimes, anyShare, anyShare, anyRoom, (times, one, other, room) => {
        const [low, high] = ordered(one, other).map((share) =>
          levelOf(aimed({ target: { waitMs: 1_000, share } }), times, room),
        );
        expect(high).toBeGreaterThanOrEqual(low ?? 0);
      }),
    );
    fc.assert(
      fc.property(anyTimes, anyPrice, anyPrice, (times, one, other) => {
        const [low, high] = ordered(one, other).map((waitUsdPerMinute) =>
          levelOf(aimed({ target: { waitMs: 1_000, waitUsdPerMinute } }), times),
        );
        expect(high).toBeGreaterThanOrEqual(low ?? 0);
      }),
    );
    fc.assert(
      fc.property(anyTimes, fc.nat(9), fc.nat(9), (times, one, other) => {
        const [low, high] = ordered(one, other).map((room) => levelOf(aimed(), times, room));
        expect(high).toBeGreaterThanOrEqual(low ?? 0);
      }),
    );
  });

  it("asks, with those who wait of a burst that has just come, for no fewer machines than without it", () => {
    fc.assert(
      fc.property(anyTimes, fc.integer({ min: 1, max: 20 }), anyShare, (times, more, share) => {
        const burst = Array.from({ length: more }, () => SPAN_MS - 1);
        const desired = aimed({ target: { waitMs: 1_000, share } });

        const [without, withBurst] = [levelFor(desired, times), levelFor(desired, [...times, ...burst])];

        expect(withBurst.decided.decision.level + more).toBeGreaterThanOrEqual(without.decided.decision.level);
      }),
    );
  });

  it("stays as it was, as a count that a pool can have, however broken its planner is", () => {
    const anyRot = fc.constantFrom(Number.NaN, Infinity, -Infinity, -1, 1e308);
    const anyPart = fc.constantFrom("weights", "rates", "correction", "prices", "season", "tables");
    fc.assert(
      fc.property(anyTimes, anyPart, anyRot, (times, part, rot) => {
        const desired = aimed({ maxMachines: 6 });
        const state = createTargetState(0, windowMsOf(desired, BOOT_MS));
        for (const at of times) observeArrival(state, at);
        const planner = { state, aim: aimOf(desired), last: undefined };
        const moment = { machines: [], bootMs: BOOT_MS, budget: undefined, expected: () => [] };
        const last = chooseLevel(planner, desired, { ...moment, now: SPAN_MS }).decided;
        if (part === "weights") state.mix.weights.fill(rot);
        if (part === "rates") state.recent.rates.fill(rot);
        if (part === "correction") state.correction = rot;
        if (part === "prices") for (const row of state.rows) row.prices.fill(rot);
        if (part === "season") state.season.jobs.fill(rot);
        if (part === "tables") for (const counts of state.tables.minutes) counts.fill(rot);

        const { decided, problem } = chooseLevel({ ...planner, last }, desired, { ...moment, now: SPAN_MS + HOUR_MS });

        const { level } = decided.decision;
        expect(Number.isSafeInteger(level) && level >= 0 && level <= 6).toBe(true);
        if (problem !== "") expect(level).toBe(last.decision.level);
      }),
    );
  });
});
