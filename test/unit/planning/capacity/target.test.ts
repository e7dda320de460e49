import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Arrivals } from "../../../../src/planning/capacity/arrivals.ts";
import { sortArrivals } from "../../../../src/planning/capacity/arrivals.ts";
import { levelPoints, machineReadyTimes } from "../../../../src/planning/capacity/baseStock.ts";
import { attainedBy, frontierOf, idleMinutesAt } from "../../../../src/planning/capacity/frontier.ts";
import { shareWithin } from "../../../../src/planning/capacity/outcome.ts";
import type { ReplaySettings } from "../../../../src/planning/capacity/replay.ts";
import { replayLevels } from "../../../../src/planning/capacity/replay.ts";
import { bootQuantile, observeBoot } from "../../../../src/planning/capacity/target/bootTimes.ts";
import { decideLevel } from "../../../../src/planning/capacity/target/decide.ts";
import {
  observeArrival,
  observeServed,
  observeTime,
  observeWindow,
} from "../../../../src/planning/capacity/target/observe.ts";
import { targetPolicy } from "../../../../src/planning/capacity/target/policy.ts";
import { levelAt, rowFor } from "../../../../src/planning/capacity/target/prices.ts";
import { decideOrKeep } from "../../../../src/planning/capacity/target/safe.ts";
import type { TargetState } from "../../../../src/planning/capacity/target/state.ts";
import { createTargetState, DAY_MS, HOUR_MS, MINUTE_MS } from "../../../../src/planning/capacity/target/state.ts";
import { drawArrivals, officeHours, stateAfter, targetSettings } from "../../../support/demand.ts";

const SPAN_MS = 3 * HOUR_MS;
const anyTimes = fc.array(fc.integer({ min: 0, max: SPAN_MS }), { maxLength: 80 });
const settingsFor = (to: number, from = 0): ReplaySettings => ({
  from,
  to,
  bootMsOf: () => 90_000,
  idleTimeMs: 600_000,
  maxMachines: Number.POSITIVE_INFINITY,
  stepMs: MINUTE_MS,
});

/** Has so many jobs come at once where one came. */
function inBatches({ readyAt, durationMs }: Arrivals, count: number): Arrivals {
  const repeated = (values: Float64Array): Float64Array =>
    Float64Array.from([...values].flatMap((value) => Array.from({ length: count }, () => value)));
  return { readyAt: repeated(readyAt), durationMs: repeated(durationMs) };
}

describe("the target policy's level", () => {
  it("never falls when more jobs are forecast", () => {
    fc.assert(
      fc.property(
        anyTimes,
        fc.double({ min: 1e-3, max: 50, noNaN: true }),
        fc.double({ min: 1, max: 9, noNaN: true }),
        (times, jobs, more) => {
          const state = stateAfter(times, SPAN_MS);
          const { price } = decideLevel(state, targetSettings(), [], SPAN_MS);

          const levelFor = (forecast: number): number => levelAt(rowFor(state, forecast).prices, price);

          expect(levelFor(jobs * more)).toBeGreaterThanOrEqual(levelFor(jobs));
        },
      ),
      // Once a last digit made the busier forecast's machine dearer.
      { examples: [[[420_000, 7_497_117, 720_000], 0.008400425355604734, 2.2537830346761525]] },
    );
  });

  it("never falls when more of a known group is to come", () => {
    fc.assert(
      fc.property(anyTimes, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }), (times, count, more) => {
        const state = stateAfter(times, SPAN_MS);
        const readyAt = [SPAN_MS + 100_000];
        const levelFor = (jobs: number): number =>
          decideLevel(structuredClone(state), targetSettings(), [{ count: jobs, chance: 1, readyAt }], SPAN_MS).level;

        expect(levelFor(count + more)).toBeGreaterThanOrEqual(levelFor(count));
      }),
    );
  });

  it("never falls when the target is tighter in share", () => {
    const shares = fc.double({ min: 0.5, max: 0.999, noNaN: true });
    fc.assert(
      fc.property(anyTimes, shares, shares, (times, one, other) => {
        const levelFor = (share: number): number =>
          decideLevel(stateAfter(times, SPAN_MS), targetSettings({ share }), [], SPAN_MS).level;

        expect(levelFor(Math.max(one, other))).toBeGreaterThanOrEqual(levelFor(Math.min(one, other)));
      }),
    );
  });

  it("never passes a cap, and names the one that binds", () => {
    const caps = fc.array(fc.record({ name: fc.constantFrom("max_machines", "budget"), level: fc.nat(3) }), {
      minLength: 1,
    });
    fc.assert(
      fc.property(anyTimes, caps, (times, bounds) => {
        const settings = targetSettings({ share: 0.999, caps: bounds });

        const decision = decideLevel(stateAfter(times, SPAN_MS), settings, [], SPAN_MS);

        const least = Math.min(...bounds.map(({ level }) => level));
        expect(decision.level).toBeLessThanOrEqual(least);
        if (decision.asked > least) expect(["max_machines", "budget"]).toContain(decision.binding);
      }),
    );
  });

  it("is the same from a state that went through JSON, at once and after more jobs", () => {
    fc.assert(
      fc.property(anyTimes, anyTimes, (times, later) => {
        const state = stateAfter(times, SPAN_MS);
        decideLevel(state, targetSettings(), [], SPAN_MS);
        const copy = JSON.parse(JSON.stringify(state)) as TargetState;
        const goOn = (each: TargetState): unknown => {
          for (const at of later.toSorted((a, b) => a - b)) observeArrival(each, SPAN_MS + at);
          observeServed(each, false, 0.95);
          observeTime(each, 2 * SPAN_MS);
          return decideLevel(each, targetSettings(), [], 2 * SPAN_MS);
        };

        expect(goOn(copy)).toEqual(goOn(state));
        expect(copy).toEqual(JSON.parse(JSON.stringify(state)));
      }),
      { numRuns: 30 },
    );
  });

  it("is none when a job may wait for a whole boot", () => {
    const busy = Array.from({ length: 500 }, (_, n) => n * MINUTE_MS);

    const decision = decideLevel(
      stateAfter(busy, 500 * MINUTE_MS),
      targetSettings({ waitMs: 90_000 }),
      [],
      500 * MINUTE_MS,
    );

    expect(decision).toMatchObject({ level: 0, binding: "wait-covers-boot" });
  });

  it("is lowered only when none higher was asked for all the while, and fewer jobs came", () => {
    const settings = targetSettings({ holdMs: 5 * MINUTE_MS });
    const burst = Array.from({ length: 60 }, (_, n) => n * 10_000);
    const state = stateAfter(burst, 600_000);
    const high = decideLevel(state, settings, [], 600_000).level;

    const levels = Array.from({ length: 180 }, (_, minute) => {
      const now = 600_000 + minute * MINUTE_MS;
      observeTime(state, now);
      return decideLevel(state, settings, [], now);
    });

    const falls = levels.flatMap(({ level }, k) => (k > 0 && level < (levels[k - 1]?.level ?? 0) ? [k] : []));
    expect(high).toBeGreaterThan(2);
    expect(levels.at(-1)?.level).toBeLessThan(high);
    expect(levels.some(({ binding }) => binding === "hold")).toBe(true);
    // From one fall to the next a lower level was asked for during five minutes on end.
    expect(falls.every((at, k) => at - (falls[k - 1] ?? 0) >= 5)).toBe(true);
  });

  it("keeps one machine before anything is known, and says by what it is bound", () => {
    const decision = decideLevel(createTargetState(0, 89_000), targetSettings(), [], 0);

    expect(decision).toMatchObject({ level: 1, binding: "price" });
    expect(decision.why).toContain("1 for 95 % of jobs within 1 s, at 1 jobs an hour");
  });

  it("serves a pool with three jobs a day as it promised, and shows what that costs", () => {
    const to = 60 * DAY_MS;
    const arrivals = drawArrivals(5, to, () => 3 / 24);
    const state = createTargetState(0, 89_000);

    const outcome = replayLevels(arrivals, targetPolicy(state, targetSettings(), arrivals.readyAt), settingsFor(to));

    const attained = attainedBy(outcome, 1000);
    expect(attained.share).toBeGreaterThan(0.9);
    expect(outcome.peakMachines).toBeLessThanOrEqual(4);
    // A machine that waits for a job that comes every eight hours.
    expect(decideLevel(state, targetSettings(), [], to).lastPrice).toBeGreaterThan(120);
  });

  it("meets batches that a rate would not foresee", () => {
    const [to, batch] = [30 * DAY_MS, 8];
    const starts = drawArrivals(3, to, () => 0.4).readyAt;
    const times = [...starts].flatMap((at) => Array.from({ length: batch }, (_, n) => at + 20 * n));
    const arrivals = sortArrivals(Float64Array.from(times), new Float64Array(times.length).fill(MINUTE_MS));
    const policy = targetPolicy(createTargetState(0, 89_000), targetSettings(), arrivals.readyAt);

    const outcome = replayLevels(arrivals, policy, settingsFor(to));

    // A Poisson rule would keep one machine, and serve one job in eight. That jobs come in batches is learnt within ten days.
    const learnt = outcome.waitMs.subarray(arrivals.readyAt.findIndex((at) => at >= 10 * DAY_MS));
    expect(shareWithin(learnt, 1000)).toBeGreaterThan(0.935);
    expect(outcome.peakMachines).toBeLessThan(5 * batch);
  });
});

describe("what is known to come", () => {
  it("is ordered a boot ahead, and not long before", () => {
    const state = stateAfter([], DAY_MS);
    const levelFor = (inMs: number): number =>
      decideLevel(
        structuredClone(state),
        targetSettings(),
        [{ count: 12, chance: 1, readyAt: [DAY_MS + inMs] }],
        DAY_MS,
      ).level;

    expect(levelFor(3_600_000)).toBeLessThan(2);
    expect(levelFor(100_000)).toBeGreaterThanOrEqual(12);
    expect(levelFor(60_000)).toBeGreaterThanOrEqual(12);
    // It is late, but comes; a day later nobody waits for it with machines.
    expect(levelFor(-1000)).toBeGreaterThanOrEqual(12);
    expect(levelFor(-DAY_MS)).toBeLessThan(2);
  });

  it("is let go at once when it has come", () => {
    const state = stateAfter([], DAY_MS);
    const expected = { count: 12, chance: 1, readyAt: [DAY_MS + 60_000] };
    const before = decideLevel(state, targetSettings({ holdMs: HOUR_MS }), [expected], DAY_MS);

    const after = decideLevel(state, targetSettings({ holdMs: HOUR_MS }), [], DAY_MS);

    expect(before.level - after.level).toBeGreaterThanOrEqual(11);
  });

  it("is learnt as a surprise when it was known too late for a machine to be ordered", () => {
    const readyAt = Float64Array.from([1, 2, 3, 4], (hour) => hour * HOUR_MS);
    const learntFrom = (aheadMs: number): number => {
      const state = createTargetState(0, 89_000);
      const announced = { announcedAt: (job: number) => (readyAt[job] ?? 0) - aheadMs, expectedAt: () => [] };
      const policy = targetPolicy(state, targetSettings(), readyAt, announced);
      policy({ now: 5 * HOUR_MS, inUse: 0, arrived: 4, served: 4, waitMs: new Float64Array(4) });
      return state.jobsSeen;
    };

    expect(learntFrom(90_000)).toBe(0);
    expect(learntFrom(80_000)).toBe(4);
  });

  it("is not ordered for when it will hardly come", () => {
    const state = stateAfter([], DAY_MS);
    const expected = { count: 12, chance: 1e-4, readyAt: [DAY_MS + 100_000] };

    expect(decideLevel(state, targetSettings(), [expected], DAY_MS).level).toBeLessThan(2);
  });
});

describe("learning", () => {
  it("beats the best constant level at the share it attains, and attains what it promised, on office hours", () => {
    const to = 42 * DAY_MS;
    const half = 21 * DAY_MS;
    const all = drawArrivals(11, to, officeHours(60, 3));
    const first = all.readyAt.findIndex((at) => at >= half);
    const later = { readyAt: all.readyAt.slice(first), durationMs: all.durationMs.slice(first) };
    const state = stateAfter([...all.readyAt.slice(0, first)], half);

    const outcome = replayLevels(later, targetPolicy(state, targetSettings(), later.readyAt), settingsFor(to, half));

    const { share, idleMinutes } = attainedBy(outcome, 1000);
    const machineReadyAt = machineReadyTimes(later.readyAt, () => 90_000);
    const points = levelPoints({ readyAt: later.readyAt, machineReadyAt, from: half, to }, 15, 1000);
    const constant = frontierOf(
      points.map((point) => ({ share: point.share, idleMinutes: point.idleMs / MINUTE_MS / later.readyAt.length })),
    );
    expect(Math.abs(share - 0.95)).toBeLessThan(0.01);
    expect(idleMinutes).toBeLessThan(0.8 * (idleMinutesAt(constant, share) ?? 0));
  });

  it.each([
    ["office hours", drawArrivals(12, 14 * DAY_MS, officeHours(60, 3))],
    ["batches of four", inBatches(drawArrivals(13, 14 * DAY_MS, officeHours(20, 2)), 4)],
  ])("never makes a tighter target cost less over a week, in share or in wait: %s", (_, all) => {
    const [half, to] = [7 * DAY_MS, 14 * DAY_MS];
    const first = all.readyAt.findIndex((at) => at >= half);
    const later = { readyAt: all.readyAt.slice(first), durationMs: all.durationMs.slice(first) };
    const idleMinutesFor = (share: number, waitMs: number): number => {
      const settings = targetSettings({ share, waitMs });
      const state = stateAfter([...all.readyAt.slice(0, first)], half, 90_000 - waitMs);
      const outcome = replayLevels(later, targetPolicy(state, settings, later.readyAt), settingsFor(to, half));
      return attainedBy(outcome, waitMs).idleMinutes;
    };

    const byShare = [0.8, 0.9, 0.95, 0.99].map((share) => idleMinutesFor(share, 1_000));
    const byWait = [60_000, 30_000, 10_000, 0].map((waitMs) => idleMinutesFor(0.95, waitMs));

    expect(byShare).toEqual(byShare.toSorted((a, b) => a - b));
    expect(byWait).toEqual(byWait.toSorted((a, b) => a - b));
    expect(byShare[0]).toBeLessThan((byShare[3] ?? 0) / 1.5);
    expect(byWait[0]).toBeLessThan((byWait[3] ?? 0) / 1.2);
  });

  it("moves the price up by misses and down by hits, and not without end", () => {
    const state = createTargetState(0, 89_000);
    const price = (): number => decideLevel(state, targetSettings(), [], 0).price;
    const before = price();

    observeServed(state, false, 0.95);
    expect(price()).toBeGreaterThan(before);
    for (let n = 0; n < 100; n++) observeServed(state, true, 0.95);
    expect(price()).toBeLessThan(before);
    for (let n = 0; n < 10_000; n++) observeServed(state, false, 0.95);
    expect(price()).toBeCloseTo(before * Math.exp(3), 6);
  });

  it("forgets its windows when boots take much longer, and keeps its forecast", () => {
    const state = stateAfter(
      Array.from({ length: 200 }, (_, n) => n * 5 * MINUTE_MS),
      DAY_MS,
    );
    const { forecastPerHour } = decideLevel(state, targetSettings(), [], DAY_MS);

    observeWindow(state, 100_000);
    expect(state.windowMs).toBe(89_000);
    observeWindow(state, 300_000);

    expect(state.tables.jobs.flat()).toEqual([]);
    const after = decideLevel(state, targetSettings({ bootMs: 301_000 }), [], DAY_MS);
    expect(after.forecastPerHour / forecastPerHour).toBeCloseTo(1, 0);
  });

  it("gives quantiles of boots, the operator's figure among them until there are enough", () => {
    const boots = [40, 50, 60].reduce((times, s) => observeBoot(times, s * 1000), { tookMs: [] as readonly number[] });

    expect(bootQuantile({ tookMs: [] }, 0.9, 90_000)).toBe(90_000);
    expect(bootQuantile(boots, 0.2, 90_000)).toBe(50_000);
    expect(bootQuantile(boots, 0.9, 90_000)).toBe(90_000);
    const many = Array.from({ length: 300 }, (_, n) => n).reduce(observeBoot, boots);
    expect(many.tookMs).toHaveLength(200);
    expect(bootQuantile(many, 0.5, 90_000)).toBe(199);
  });
});

describe("a planner that fails", () => {
  it("leaves the last level in force and says why", () => {
    const last = decideLevel(createTargetState(0, 89_000), targetSettings(), [], 0);
    const broken = createTargetState(0, 89_000);
    broken.correction = Number.NaN;
    broken.held.level = Number.NaN;

    const thrown = decideOrKeep(() => {
      throw new Error("no rows");
    }, last);
    const senseless = decideOrKeep(() => ({ ...last, level: Number.NaN }), last);

    expect(thrown).toMatchObject({ level: 1, binding: "planner-failed" });
    expect(thrown.why).toBe("1 stay in force: the planner failed: no rows");
    expect(senseless).toMatchObject({ level: 1, binding: "planner-failed" });
    expect(decideOrKeep(() => decideLevel(broken, targetSettings(), [], 0), last)).toMatchObject({ level: 1 });
    expect(decideOrKeep(() => last, thrown)).toBe(last);
  });
});
