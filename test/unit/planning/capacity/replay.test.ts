import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Arrivals } from "../../../../src/planning/capacity/arrivals.ts";
import { sortArrivals } from "../../../../src/planning/capacity/arrivals.ts";
import { levelPoints, machineReadyTimes, replayConstantLevel } from "../../../../src/planning/capacity/baseStock.ts";
import { shareWithin } from "../../../../src/planning/capacity/outcome.ts";
import type { ReplaySettings } from "../../../../src/planning/capacity/replay.ts";
import { replayLevels } from "../../../../src/planning/capacity/replay.ts";
import { simulateConstantLevel } from "../../../support/constantLevel.ts";

const TO = 1_000_000;
const arrivalsOf = (times: readonly number[], durationMs = 10_000): Arrivals =>
  sortArrivals(Float64Array.from(times), new Float64Array(times.length).fill(durationMs));
const anyTimes = fc.array(fc.integer({ min: 0, max: TO - 1 }), { maxLength: 120 });
const settings = (overrides: Partial<ReplaySettings> = {}): ReplaySettings => ({
  from: 0,
  to: TO,
  bootMsOf: () => 90_000,
  idleTimeMs: 600_000,
  maxMachines: Number.POSITIVE_INFINITY,
  stepMs: 60_000,
  ...overrides,
});

describe("a constant level", () => {
  it("gives by closed form the wait of every job, and all machine time, that the replay gives", () => {
    fc.assert(
      fc.property(anyTimes, fc.nat(12), fc.integer({ min: 0, max: 300_000 }), (times, level, bootMs) => {
        const arrivals = arrivalsOf(times);

        const { peakMachines: _, ...replayed } = replayLevels(
          arrivals,
          () => level,
          settings({ bootMsOf: () => bootMs }),
        );

        const exact = replayConstantLevel(arrivals, level, () => bootMs, 0, TO);
        expect(replayed.waitMs).toEqual(exact.waitMs);
        expect(replayed.idleMs).toBeCloseTo(exact.idleMs, 3);
        expect(replayed.bootingMs).toBeCloseTo(exact.bootingMs, 3);
        expect(replayed.busyMs).toBeCloseTo(exact.busyMs, 3);
      }),
    );
  });

  it("gives with random boot times the waits of a simulation that knows no machines, only orders, and the replay's machine time", () => {
    const bootTimes = fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(anyTimes, fc.nat(8), bootTimes, (times, level, boots) => {
        const bootMsOf = (order: number): number => boots[order % boots.length] ?? 0;

        const exact = replayConstantLevel(arrivalsOf(times), level, bootMsOf, 0, TO);

        const replayed = replayLevels(arrivalsOf(times), () => level, settings({ bootMsOf }));
        expect([...exact.waitMs]).toEqual(simulateConstantLevel(times, level, bootMsOf));
        expect(replayed.waitMs).toEqual(exact.waitMs);
        expect(replayed.idleMs).toBeCloseTo(exact.idleMs, 3);
        expect(replayed.bootingMs).toBeCloseTo(exact.bootingMs, 3);
      }),
    );
  });

  it("counts in every level's point what its replay gives", () => {
    const bootTimes = fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(anyTimes, fc.integer({ min: 0, max: 90_000 }), bootTimes, (times, targetMs, boots) => {
        const arrivals = arrivalsOf(times);
        const bootMsOf = (order: number): number => boots[order % boots.length] ?? 0;
        const machineReadyAt = machineReadyTimes(arrivals.readyAt, bootMsOf);

        for (const point of levelPoints({ ...arrivals, machineReadyAt, from: 0, to: TO }, 8, targetMs)) {
          const exact = replayConstantLevel(arrivals, point.level, bootMsOf, 0, TO);
          const waits = exact.waitMs.toSorted();
          const quantile = (share: number): number => waits[Math.ceil(share * waits.length) - 1] ?? 0;
          expect(point.share).toBeCloseTo(shareWithin(exact.waitMs, targetMs), 9);
          expect(point.idleMs).toBeCloseTo(exact.idleMs, 3);
          expect(point).toMatchObject({ p50Ms: quantile(0.5), p95Ms: quantile(0.95), p99Ms: quantile(0.99) });
          expect(point.maxMs).toBe(waits.at(-1) ?? 0);
        }
      }),
    );
  });

  it("serves no job worse than a lower level does", () => {
    fc.assert(
      fc.property(anyTimes, fc.nat(6), (times, level) => {
        const low = replayConstantLevel(arrivalsOf(times), level, () => 90_000, 0, TO);
        const high = replayConstantLevel(arrivalsOf(times), level + 1, () => 90_000, 0, TO);

        expect(high.waitMs.every((wait, n) => wait <= (low.waitMs[n] ?? 0))).toBe(true);
      }),
    );
  });
});

describe("a level that changes", () => {
  it("retires the surplus once it has been idle for idle_time, and counts its boot as wasted", () => {
    const policy = ({ now }: { now: number }): number => (now >= 60_000 && now < 240_000 ? 2 : 0);

    const outcome = replayLevels(arrivalsOf([]), policy, settings({ idleTimeMs: 120_000 }));

    expect(outcome).toMatchObject({ bootingMs: 180_000, wastedBootMs: 180_000, peakMachines: 2 });
    // Ready at 150 s; the surplus goes at the moment at which it has been idle for two minutes.
    expect(outcome.idleMs).toBe(2 * 120_000);
  });

  it("never passes the limit on machines", () => {
    fc.assert(
      fc.property(anyTimes, fc.integer({ min: 1, max: 5 }), fc.nat(9), (times, maxMachines, level) => {
        const outcome = replayLevels(arrivalsOf(times, 50_000), () => level, settings({ maxMachines }));

        expect(outcome.peakMachines).toBeLessThanOrEqual(maxMachines);
      }),
    );
  });
});
