import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Arrivals } from "../../../../src/planning/capacity/arrivals.ts";
import { cutArrivals, sortArrivals } from "../../../../src/planning/capacity/arrivals.ts";
import { policyFrom, tryAsked } from "../../../../src/planning/capacity/asked.ts";
import { attainedBy } from "../../../../src/planning/capacity/frontier.ts";
import {
  bestConstant,
  bestScaleFactor,
  bestSchedule,
  hourlyOracle,
} from "../../../../src/planning/capacity/hindsight.ts";
import type { Chosen } from "../../../../src/planning/capacity/hindsight.ts";
import { summarize } from "../../../../src/planning/capacity/summary.ts";
import { HOUR_MS, MINUTE_MS } from "../../../../src/planning/capacity/target/state.ts";
import { tryConstant, tryPolicy } from "../../../../src/planning/capacity/trial.ts";
import type { Trial } from "../../../../src/planning/capacity/trial.ts";
import { drawArrivals, officeHours } from "../../../support/demand.ts";
import { pool } from "../../../support/pools.ts";

const TO = 1_000_000;
const trialOf = (arrivals: Arrivals, overrides: Partial<Trial> = {}): Trial => ({
  ...{ arrivals, from: 0, to: TO, before: new Float64Array(), bootMsOf: () => 90_000, bootMs: 90_000 },
  ...{ waitMs: 1000, share: 0.95 },
  limits: { maxMachines: Infinity, maxGrowthRate: Infinity, idleTimeMs: 600_000 },
  ...overrides,
});
const anyJobs = fc.array(fc.tuple(fc.nat(TO - 1), fc.nat(300_000)), { maxLength: 80 });
const arrivalsOf = (jobs: readonly (readonly [number, number])[]): Arrivals =>
  sortArrivals(
    Float64Array.from(jobs, ([at]) => at),
    Float64Array.from(jobs, ([, runs]) => runs),
  );

describe("a constant level by closed form", () => {
  it("has the peak of the replay by the planner's rules", () => {
    fc.assert(
      fc.property(anyJobs, fc.nat(10), (jobs, level) => {
        const trial = trialOf(arrivalsOf(jobs));

        const { outcome, engine } = tryConstant(trial, level);

        const replayed = tryPolicy(trial, () => level, Infinity).outcome;
        expect(engine).toBe("closed form");
        expect(outcome.peakMachines).toBe(replayed.peakMachines);
      }),
      { examples: [[[[0, 0]], 1]] },
    );
  });

  it("gives way to the planner's rules as soon as a limit binds, and no limit is passed then", () => {
    fc.assert(
      fc.property(
        anyJobs,
        fc.nat(6),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 4 }),
        (jobs, level, maxMachines, maxGrowthRate) => {
          const arrivals = arrivalsOf(jobs);
          const limits = { maxMachines, maxGrowthRate, idleTimeMs: 600_000 };

          const { outcome, engine } = tryConstant(trialOf(arrivals, { limits }), level);

          expect(outcome.peakMachines).toBeLessThanOrEqual(maxMachines);
          if (engine === "closed form") return;
          const free = tryConstant(trialOf(arrivals), level).outcome;
          expect(outcome.waitMs.every((wait, n) => wait >= (free.waitMs[n] ?? 0))).toBe(true);
        },
      ),
    );
  });
});

describe("the growth limit", () => {
  it("lets a burst's machines boot a few at a time", () => {
    const arrivals = arrivalsOf(Array.from({ length: 6 }, () => [1000, 500_000] as const));
    const limits = { maxMachines: Infinity, maxGrowthRate: 2, idleTimeMs: 600_000 };

    const { outcome } = tryConstant(trialOf(arrivals, { limits }), 0);

    expect([...outcome.waitMs]).toEqual([90_000, 90_000, 180_000, 180_000, 270_000, 270_000]);
  });
});

describe("a surplus machine", () => {
  it("goes at the very moment at which its time is over, however seldom the policy is asked", () => {
    const arrivals = arrivalsOf([[900_000, 1000]]);

    const { outcome } = tryPolicy(trialOf(arrivals), ({ now }) => (now === 0 ? 1 : 0), 100_000);

    // The one that stood ready at 0 went at 600,000, and the job waited for a boot.
    expect(outcome.idleMs).toBe(600_000);
    expect([...outcome.waitMs]).toEqual([90_000]);
  });
});

describe("who knows the arrivals", () => {
  const to = 7 * 24 * HOUR_MS;
  const office = trialOf(drawArrivals(3, to, officeHours(40, 2)), { to });
  const run = (search: Generator<unknown, Chosen>): Chosen => {
    for (;;) {
      const next = search.next();
      if (next.done === true) return next.value;
    }
  };
  const attained = (chosen: Chosen) => attainedBy(chosen.outcome, office.waitMs);

  it("chooses the least constant level that serves the share", () => {
    const best = run(bestConstant(office));

    const level = Number(/\d+/.exec(best.setting)?.[0]);
    expect(best.isReached).toBe(true);
    expect(attainedBy(tryConstant(office, level - 1).outcome, office.waitMs).share).toBeLessThan(0.95);
  });

  it("spends less the more it knows", () => {
    const [constant, factor, schedule, oracle] = [
      run(bestConstant(office)),
      run(bestScaleFactor(office)),
      run(bestSchedule(office)),
      run(hourlyOracle(office)),
    ];

    expect([constant, factor, schedule, oracle].map(({ isReached }) => isReached)).toEqual([true, true, true, true]);
    expect(attained(factor).idleMinutes).toBeLessThanOrEqual(attained(constant).idleMinutes + 1e-9);
    expect(attained(schedule).idleMinutes).toBeLessThan(attained(constant).idleMinutes);
    expect(attained(oracle).idleMinutes).toBeLessThan(attained(constant).idleMinutes);
  });

  it("keeps nothing idle for jobs that may wait for a boot", () => {
    const patient = { ...office, waitMs: 90_000 };

    for (const search of [bestConstant, bestSchedule, hourlyOracle]) {
      const { outcome, isReached } = run(search(patient));
      expect(isReached).toBe(true);
      expect(outcome.idleMs).toBe(0);
    }
  });
});

describe("a policy that was asked for", () => {
  const to = 2 * 24 * HOUR_MS;
  const trial = trialOf(
    drawArrivals(5, to, () => 20),
    { to },
  );

  it("says what the config says: a schedule, with the pool's own limits", () => {
    const night = { periods: ["* 0-11 * * *"], timezone: "UTC", idleCount: 0 };
    const desired = pool({ idleCount: 3, maxMachines: 50, maxGrowthRate: 40, idleTimeMs: 60_000, schedule: [night] });

    const { policy, limits } = policyFrom(trial, { kind: "pool", pool: desired });

    const levelAt = (now: number): number =>
      policy({ now, inUse: 0, arrived: 0, served: 0, waitMs: new Float64Array() });
    expect([0, 11, 12, 23, 24, 36].map((hour) => levelAt(hour * HOUR_MS))).toEqual([0, 0, 3, 3, 0, 3]);
    expect(limits).toEqual({ maxMachines: 50, maxGrowthRate: 40, idleTimeMs: 60_000 });
  });

  it("chooses the level of a pool with a target, within the pool's own bounds", () => {
    const target = { waitMs: 1000, share: 0.9 };
    const settings = { target, maxMachines: 1000, maxGrowthRate: 1000, idleTimeMs: 600_000 };
    const asked = (overrides: object) => tryAsked(trial, { kind: "pool", pool: pool({ ...settings, ...overrides }) });

    const [own, bounded] = [asked({}).outcome, asked({ idleCountMin: 2, idleCountMax: 2 }).outcome];

    expect(own.waitMs).toEqual(tryAsked(trial, { kind: "target", ...target }).outcome.waitMs);
    expect(bounded.waitMs).toEqual(tryConstant(trial, 2).outcome.waitMs);
  });

  it("keeps a scale factor between its bounds", () => {
    const { policy } = policyFrom(trial, { kind: "scale_factor", factor: 0.5, min: 1, max: 4 });

    const levelFor = (inUse: number): number =>
      policy({ now: 0, inUse, arrived: 0, served: 0, waitMs: new Float64Array() });
    expect([0, 3, 6, 100].map(levelFor)).toEqual([1, 1, 3, 4]);
  });

  it("learns a target's level from the jobs before the stretch", () => {
    const { arrivals, before } = cutArrivals(trial.arrivals, 24 * HOUR_MS, to);
    const cut = { ...trial, arrivals, before, from: 24 * HOUR_MS };

    const { outcome } = tryAsked(cut, { kind: "target", share: 0.9, waitMs: 1000 });

    const unlearnt = tryAsked({ ...cut, before: new Float64Array() }, { kind: "target", share: 0.9, waitMs: 1000 });
    expect(Math.abs(attainedBy(outcome, 1000).share - 0.9)).toBeLessThan(0.06);
    expect(outcome.waitMs).not.toEqual(unlearnt.outcome.waitMs);
  });
});

it("sums up machine time in hours, and its price", () => {
  const trial = trialOf(arrivalsOf([[MINUTE_MS, 3_600_000]]), { to: 61 * MINUTE_MS + 90_000 });

  const summary = summarize(tryConstant(trial, 0).outcome, 1000, 2);

  expect(summary).toMatchObject({
    jobs: 1,
    share: 0,
    p50Ms: 90_000,
    meanWaitMs: 90_000,
    peakMachines: 1,
    idleHours: 0,
  });
  expect(summary.busyHours).toBeCloseTo(1, 9);
  expect(summary.bootingHours).toBeCloseTo(0.025, 9);
  expect(summary.costUsd).toBeCloseTo(2.05, 9);
});
