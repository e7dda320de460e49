import fc from "fast-check";
import { expect, it } from "vitest";
import { sortArrivals } from "../../../../src/planning/capacity/arrivals.ts";
import { effectOf, peakQuantile, sizePool } from "../../../../src/planning/capacity/sizing.ts";
import { DAY_MS, HOUR_MS } from "../../../../src/planning/capacity/target/state.ts";
import { tryConstant } from "../../../../src/planning/capacity/trial.ts";
import type { Trial } from "../../../../src/planning/capacity/trial.ts";

const MONDAY = Date.UTC(2024, 0, 1);

function trialOf(jobs: readonly (readonly [at: number, runs: number])[], days: number): Trial {
  return {
    arrivals: sortArrivals(
      Float64Array.from(jobs, ([at]) => MONDAY + at),
      Float64Array.from(jobs, ([, runs]) => runs),
    ),
    ...{ from: MONDAY, to: MONDAY + days * DAY_MS, before: new Float64Array(), bootMsOf: () => 60_000, bootMs: 60_000 },
    ...{ waitMs: 1000, share: 0.9, limits: { maxMachines: Infinity, maxGrowthRate: Infinity, idleTimeMs: 600_000 } },
  };
}
const burst = (day: number, count: number, runs = HOUR_MS): [number, number][] =>
  Array.from({ length: count }, () => [day * DAY_MS + 9 * HOUR_MS, runs]);

it("finds each day's peak, on weekdays and weekends, with jobs that last over midnight", () => {
  const trial = { ...trialOf([...burst(0, 3), ...burst(1, 5, 20 * HOUR_MS), ...burst(5, 2)], 7), share: 0.95 };

  const { level, peaks, leastMachines } = sizePool(trial);

  // Five idle serve all; each that was taken is ordered again at once.
  expect(level).toBe(5);
  expect(peaks.map(({ machines }) => machines)).toEqual([8, 10, 10, 5, 5, 7, 5]);
  expect(peaks.map(({ isWeekday }) => isWeekday)).toEqual([true, true, true, true, true, false, false]);
  expect([0.5, 0.9, 1].map((share) => peakQuantile(peaks, share))).toEqual([7, 10, 10]);
  // The bursts find their five machines though no other can be ordered meanwhile.
  expect(leastMachines).toBe(5);
});

it("tells on how many days a limit is hit, and when more idle machines cannot help", () => {
  const trial = trialOf([...burst(0, 3), ...burst(1, 9), ...burst(6, 9)], 7);
  const sizing = sizePool(trial);

  expect(effectOf(trial, sizing, 18)).toMatchObject({ daysHit: 0, weekdaysHit: 0, bestShare: 1 });
  const tight = effectOf(trial, sizing, 4);
  expect(tight).toMatchObject({ daysHit: 7, weekdaysHit: 5 });
  expect(tight.bestShare).toBeCloseTo((3 + 4 + 4) / 21, 9);
});

it("has as its highest peak that of the replay, and reaches the goal with the least limit, as with no lower one", () => {
  const anyJobs = fc.array(fc.tuple(fc.nat(2 * DAY_MS - 1), fc.nat(6 * HOUR_MS)), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(anyJobs, (jobs) => {
      const trial = trialOf(jobs, 2);

      const sizing = sizePool(trial);

      const share = (maxMachines: number): number => {
        const limits = { ...trial.limits, maxMachines };
        const { waitMs } = tryConstant({ ...trial, limits }, sizing.level).outcome;
        return waitMs.filter((wait) => wait <= 1000).length / waitMs.length;
      };
      expect(peakQuantile(sizing.peaks, 1)).toBe(tryConstant(trial, sizing.level).outcome.peakMachines);
      expect(share(sizing.leastMachines)).toBeGreaterThanOrEqual(0.9);
      if (sizing.leastMachines > Math.max(1, sizing.level)) expect(share(sizing.leastMachines - 1)).toBeLessThan(0.9);
    }),
    // A job that takes no time has a machine, too.
    { examples: [[[[0, 0]]]] },
  );
});
