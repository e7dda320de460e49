import { describe, expect, it } from "vitest";
import { hourlySchedules, hourOracle, scaleFactorPolicy } from "../../../../src/planning/capacity/baselines.ts";
import { attainedBy, frontierOf, idleMinutesAt } from "../../../../src/planning/capacity/frontier.ts";
import type { PoolMoment } from "../../../../src/planning/capacity/replay.ts";
import { replayLevels } from "../../../../src/planning/capacity/replay.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../../../src/planning/capacity/target/state.ts";
import { drawArrivals, officeHours } from "../../../support/demand.ts";

const moment = (overrides: Partial<PoolMoment>): PoolMoment => ({
  now: 0,
  inUse: 0,
  arrived: 0,
  served: 0,
  waitMs: new Float64Array(0),
  ...overrides,
});

describe("a frontier", () => {
  it("keeps the settings that no mix of others beats, and prices what lies between", () => {
    const frontier = frontierOf([
      { share: 0.5, idleMinutes: 1 },
      { share: 0.9, idleMinutes: 3 },
      { share: 0.8, idleMinutes: 5 },
      { share: 1, idleMinutes: 10 },
      { share: 0.7, idleMinutes: 2.5 },
    ]);

    expect(frontier.map(({ share }) => share)).toEqual([0.5, 0.9, 1]);
    expect(idleMinutesAt(frontier, 0.7)).toBeCloseTo(2, 9);
    expect(idleMinutesAt(frontier, 0.4)).toBe(1);
    expect(idleMinutesAt(frontier, 1.01)).toBeUndefined();
  });

  it("takes the cheaper of two settings that attain the same", () => {
    const points = [4, 2, 3].map((idleMinutes) => ({ share: 0.9, idleMinutes }));

    expect(frontierOf(points)).toEqual([{ share: 0.9, idleMinutes: 2 }]);
  });
});

describe("what a policy is compared with", () => {
  it("has GitLab's rule for idle machines in proportion to those in use", () => {
    const policy = scaleFactorPolicy(0.25, 2);

    expect([0, 7, 8, 11, 12, 100].map((inUse) => policy(moment({ inUse })))).toEqual([2, 2, 2, 2, 3, 25]);
  });

  it("knows the hours of the week, and the true rate of each hour", () => {
    const [to, windowMs] = [28 * DAY_MS, 89_000];
    const arrivals = drawArrivals(7, to, officeHours(60, 3));
    const stretch = { readyAt: arrivals.readyAt, from: 0, to, windowMs };
    // 1970-01-01, a Thursday, is the first of five working days.
    const [busy, quiet] = [moment({ now: 14 * DAY_MS + 12 * HOUR_MS }), moment({ now: 14 * DAY_MS + 3 * HOUR_MS })];

    const schedule = hourlySchedules(stretch)(40);
    const oracle = hourOracle(stretch)(0.95);

    for (const policy of [schedule, oracle]) {
      expect(policy(busy)).toBeGreaterThanOrEqual(3);
      expect(policy(quiet)).toBeLessThan(policy(busy));
      const outcome = replayLevels(arrivals, policy, {
        from: 0,
        to,
        bootMsOf: () => 90_000,
        idleTimeMs: 600_000,
        maxMachines: Number.POSITIVE_INFINITY,
        stepMs: MINUTE_MS,
      });
      expect(attainedBy(outcome, 1000).share).toBeGreaterThan(0.8);
    }
    expect(hourlySchedules(stretch)(1000)(busy)).toBeGreaterThan(schedule(busy));
  });
});
