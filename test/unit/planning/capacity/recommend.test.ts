import { expect, it } from "vitest";
import { sortArrivals } from "../../../../src/planning/capacity/arrivals.ts";
import { recommend } from "../../../../src/planning/capacity/recommend.ts";
import type { Recommendation } from "../../../../src/planning/capacity/recommend.ts";
import { DAY_MS, MINUTE_MS } from "../../../../src/planning/capacity/target/state.ts";
import type { Trial } from "../../../../src/planning/capacity/trial.ts";
import { drawArrivals } from "../../../support/demand.ts";
import { pool } from "../../../support/pools.ts";

const MONDAY = Date.UTC(2024, 0, 1);
const wide = pool({ maxMachines: 1000, maxGrowthRate: 1000, idleCount: 12 });

/** Office hours in UTC, weekdays, from a Monday on. */
function officeTrial(days: number): Trial {
  const drawn = drawArrivals(6, days * DAY_MS, (at) => {
    const [hour, day] = [Math.floor(at / (60 * MINUTE_MS)) % 24, Math.floor(at / DAY_MS) % 7];
    return day < 5 && hour >= 9 && hour < 17 ? 90 : 2;
  });
  return {
    arrivals: { ...drawn, readyAt: drawn.readyAt.map((at) => MONDAY + at) },
    ...{ from: MONDAY, to: MONDAY + days * DAY_MS, before: new Float64Array(), bootMsOf: () => 90_000, bootMs: 90_000 },
    ...{ waitMs: 1000, share: 0.95, limits: { maxMachines: 1000, maxGrowthRate: 1000, idleTimeMs: 600_000 } },
  };
}

function run(search: Generator<void, Recommendation>): Recommendation {
  for (;;) {
    const next = search.next();
    if (next.done === true) return next.value;
  }
}

it("fits settings to two thirds of the weeks, judges them by the others, and chooses the cheapest that reaches the goal", () => {
  const { candidates, chosen, weeksHeldOut, raised } = run(recommend(officeTrial(42), wide, false));

  expect(candidates.map(({ kind }) => kind)).toEqual(["now", "static", "scale_factor", "schedule"]);
  expect(weeksHeldOut).toBe(2);
  expect(chosen?.kind).toBe("schedule");
  expect(chosen?.heldOut?.shareByWeek).toHaveLength(2);
  expect(Math.abs((chosen?.heldOut?.share ?? 0) - 0.95)).toBeLessThan(0.03);
  const reached = candidates.filter(({ kind, isReached }) => kind !== "now" && isReached);
  expect(chosen?.fitted.idleMinutes).toBe(Math.min(...reached.map(({ fitted }) => fitted.idleMinutes)));
  expect(raised).toEqual({});
});

it("finds working hours that last over UTC's midnight", () => {
  const trial = officeTrial(14);
  const hours = 9;
  const readyAt = trial.arrivals.readyAt.map((at) => at + hours * 60 * MINUTE_MS);
  const later = { ...trial, arrivals: { ...trial.arrivals, readyAt }, to: trial.to + hours * 60 * MINUTE_MS };

  const { candidates } = run(recommend(later, wide, false));

  const schedule = candidates.find(({ kind }) => kind === "schedule")?.asked;
  expect(schedule?.kind === "pool" && schedule.pool.schedule?.[0]?.periods).toEqual([
    ...["* 18-23 * * mon-fri", "* 0-1 * * tue-sat"],
  ]);
});

it("says nothing of weeks held out where there are too few", () => {
  const { candidates, weeksHeldOut } = run(recommend(officeTrial(14), wide, true));

  expect(weeksHeldOut).toBe(0);
  expect(candidates.every(({ heldOut }) => heldOut === undefined)).toBe(true);
  expect(candidates.at(-1)?.kind).toBe("target");
});

it("raises the limit that forbids the goal, and no other", () => {
  const bursts = Array.from({ length: 200 }, (_, n) => MONDAY + Math.floor(n / 4) * 60 * MINUTE_MS);
  const arrivals = sortArrivals(Float64Array.from(bursts), new Float64Array(200).fill(MINUTE_MS));
  const trial = { ...officeTrial(14), arrivals, to: MONDAY + 3 * DAY_MS };

  const tight = run(recommend(trial, { ...wide, maxMachines: 3 }, false));
  const slow = run(
    recommend({ ...trial, bootMsOf: () => 1_700_000, bootMs: 1_700_000 }, { ...wide, maxGrowthRate: 1 }, false),
  );

  // Four at once find four idle machines, while each of the four has another one ordered.
  expect(tight.raised).toEqual({ maxMachines: 8 });
  expect(tight.chosen?.isReached).toBe(true);
  expect(slow.raised).toEqual({ maxGrowthRate: 4 });
});
