import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LiveMachine } from "../../../src/domain/machine.ts";
import { nextDueAt } from "../../../src/planning/due.ts";
import type { ObservedPool } from "../../../src/planning/observed.ts";
import { countInFlight } from "../../../src/planning/observed.ts";
import { planFleet } from "../../../src/planning/fleet.ts";
import { planPool } from "../../../src/planning/plan.ts";
import { LEASE_OVERTIME_MS } from "../../../src/planning/retire.ts";
import {
  bootingMachine,
  idleMachine,
  leasedMachine,
  NOW,
  requestedMachine,
  terminatingMachine,
} from "../../support/machines.ts";
import { pool } from "../../support/pools.ts";

const observed = (overrides: Partial<ObservedPool> = {}): ObservedPool => ({
  machines: [],
  waitingLeases: 0,
  waitingSince: Infinity,
  mode: "open",
  launchesPausedUntil: 0,
  launchProblem: "",
  storeProblem: "",
  reservedForOthers: 0,
  watchedSince: 0,
  headroomOverall: 100,
  ...overrides,
});
const launches = (desired: Parameters<typeof planPool>[0], seen: ObservedPool): number =>
  planPool(desired, seen, NOW).reduce((sum, action) => sum + (action.kind === "launch" ? action.count : 0), 0);
const reasons = (desired: Parameters<typeof planPool>[0], seen: ObservedPool): string[] =>
  planPool(desired, seen, NOW).flatMap((action) => (action.kind === "terminate" ? [action.reason] : []));

describe("launches", () => {
  it.each([
    ["fills up to idleCount", pool({ idleCount: 2 }), observed(), 2],
    ["adds a machine for everyone who waits", pool({ maxGrowthRate: 9 }), observed({ waitingLeases: 2 }), 3],
    ["counts idle machines", pool({ idleCount: 1 }), observed({ machines: [idleMachine()] }), 0],
    [
      "counts machines in flight",
      pool({ idleCount: 2 }),
      observed({ machines: [bootingMachine(), requestedMachine()] }),
      0,
    ],
    ["does not count leased ones", pool({ idleCount: 1 }), observed({ machines: [leasedMachine()] }), 1],
    ["keeps to maxGrowthRate", pool({ idleCount: 4, maxGrowthRate: 1 }), observed(), 1],
    [
      "keeps to maxMachines, in every state",
      pool({ idleCount: 2, maxMachines: 2 }),
      observed({ machines: [terminatingMachine()] }),
      1,
    ],
    ["keeps to the limit over all pools", pool({ idleCount: 2 }), observed({ headroomOverall: 1 }), 1],
    ["launches nothing for a cordoned pool", pool(), observed({ mode: "cordoned" }), 0],
    ["waits after a refusal", pool(), observed({ launchesPausedUntil: NOW + 1 }), 0],
    ["goes on after the pause", pool(), observed({ launchesPausedUntil: NOW }), 1],
    ["does not count a cordoned idle machine", pool(), observed({ machines: [idleMachine({ isCordoned: true })] }), 1],
  ])("%s", (_title, desired, seen, expected) => {
    expect(launches(desired, seen)).toBe(expected);
  });
});

describe("retirements", () => {
  it.each([
    ["ends a boot that takes too long", pool({ bootTimeoutMs: 10 }), [bootingMachine({ ageMs: 11 })], ["boot-timeout"]],
    [
      "ends a launch without an answer",
      pool({ bootTimeoutMs: 10 }),
      [requestedMachine({ ageMs: 11 })],
      ["boot-timeout"],
    ],
    ["ends an idle machine past maxAge", pool({ maxAgeMs: 10 }), [idleMachine({ ageMs: 11, idleMs: 0 })], ["max-age"]],
    ["keeps a leased machine past maxAge", pool({ maxAgeMs: 10 }), [leasedMachine({ ageMs: 11 })], []],
    [
      "ends a lease that everybody forgot",
      pool({ jobTimeoutMs: 10 }),
      [leasedMachine({ leasedMs: 11 + LEASE_OVERTIME_MS })],
      ["job-timeout"],
    ],
    ["leaves a lease its overtime", pool({ jobTimeoutMs: 10 }), [leasedMachine({ leasedMs: 11 })], []],
    [
      "ends surplus after idleTime",
      pool({ idleCount: 0, idleTimeMs: 10 }),
      [idleMachine({ idleMs: 11 })],
      ["surplus-idle"],
    ],
    ["keeps surplus until idleTime", pool({ idleCount: 0, idleTimeMs: 10 }), [idleMachine({ idleMs: 10 })], []],
    ["keeps idleCount machines however old", pool({ idleCount: 1, idleTimeMs: 10 }), [idleMachine({ idleMs: 99 })], []],
  ])("%s", (_title, desired, machines, expected) => {
    expect(reasons(desired, observed({ machines }))).toEqual(expected);
  });

  it("keeps surplus machines for those who wait", () => {
    const machines = [idleMachine({ idleMs: 99 }), idleMachine({ idleMs: 99 })];

    expect(reasons(pool({ idleCount: 0, idleTimeMs: 10 }), observed({ machines, waitingLeases: 1 }))).toEqual([
      "surplus-idle",
    ]);
  });

  it("ends every idle machine of a draining pool, and no leased one", () => {
    const machines = [idleMachine(), leasedMachine(), idleMachine()];

    expect(reasons(pool(), observed({ machines, mode: "draining" }))).toEqual(["pool-drained", "pool-drained"]);
  });
});

const builders: readonly ((age: { ageMs: number }) => LiveMachine)[] = [
  requestedMachine,
  bootingMachine,
  idleMachine,
  ({ ageMs }) => leasedMachine({ ageMs, leasedMs: ageMs }),
  terminatingMachine,
];
const anyMachine: fc.Arbitrary<LiveMachine> = fc
  .tuple(fc.constantFrom(...builders), fc.nat(100_000_000))
  .map(([build, ageMs]) => build({ ageMs }));
const anyDesired = fc
  .record({
    maxMachines: fc.integer({ min: 1, max: 20 }),
    idle: fc.nat(20),
    maxGrowthRate: fc.integer({ min: 1, max: 20 }),
  })
  .map(({ maxMachines, idle, maxGrowthRate }) =>
    pool({ maxMachines, idleCount: Math.min(idle, maxMachines), maxGrowthRate }),
  );
const anyObserved = fc
  .record({
    machines: fc.array(anyMachine, { maxLength: 25 }),
    waitingLeases: fc.nat(30),
    headroomOverall: fc.nat(30),
    mode: fc.constantFrom("open", "cordoned", "draining"),
    room: fc.option(fc.nat(10), { nil: undefined }),
  })
  .map(({ room, ...overrides }) =>
    observed({ ...overrides, budget: room === undefined ? undefined : { room, text: "" } }),
  );

describe("properties", () => {
  it("never plans past maxMachines, the limit over all, maxGrowthRate, or what the budget leaves", () => {
    fc.assert(
      fc.property(anyDesired, anyObserved, (desired, seen) => {
        const count = launches(desired, seen);
        const { machines } = seen;
        expect(count === 0 || machines.length + count <= desired.maxMachines).toBe(true);
        expect(count === 0 || countInFlight(machines) + count <= desired.maxGrowthRate).toBe(true);
        expect(count).toBeLessThanOrEqual(Math.min(seen.headroomOverall, seen.budget?.room ?? Infinity));
      }),
    );
  });

  it("never plans past the limit over all pools and each pool's own, its budget too, for several pools together", () => {
    const anyPools = fc.array(fc.record({ desired: anyDesired, observed: anyObserved }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(anyPools, fc.nat(30), (pools, headroomOverall) => {
        const views = pools.map((view, n) => ({
          desired: { ...view.desired, name: `pool-${n}` },
          observed: { ...view.observed, headroomOverall },
        }));

        const actions = planFleet(views, NOW);

        let all = 0;
        for (const view of views) {
          const count = actions.reduce(
            (sum, action) =>
              sum + (action.kind === "launch" && action.poolName === view.desired.name ? action.count : 0),
            0,
          );
          all += count;
          const { machines, budget } = view.observed;
          expect(count === 0 || machines.length + count <= view.desired.maxMachines).toBe(true);
          expect(count).toBeLessThanOrEqual(budget?.room ?? Infinity);
        }
        expect(all).toBeLessThanOrEqual(headroomOverall);
      }),
    );
  });

  it("asks for no fewer machines in all when more wait in one of several pools, as long as none has spent its budget", () => {
    const anyPools = fc.array(fc.record({ desired: anyDesired, observed: anyObserved }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(anyPools, fc.nat(30), fc.nat(3), (pools, headroomOverall, at) => {
        const viewsWith = (more: number) =>
          pools.map((view, n) => ({
            desired: { ...view.desired, name: `pool-${n}` },
            observed: {
              ...{ ...view.observed, headroomOverall },
              waitingLeases: view.observed.waitingLeases + (n === at % pools.length ? more : 0),
              waitingSince:
                view.observed.waitingLeases > 0 || (n === at % pools.length && more > 0) ? NOW - n : Infinity,
            },
          }));
        const launchedWith = (more: number): number =>
          planFleet(viewsWith(more), NOW).reduce(
            (sum, action) => sum + (action.kind === "launch" ? action.count : 0),
            0,
          );

        expect(launchedWith(1)).toBeGreaterThanOrEqual(launchedWith(0));
      }),
    );
  });

  it("never terminates a leased machine but for its timeout", () => {
    fc.assert(
      fc.property(anyDesired, anyObserved, (desired, seen) => {
        const leased = new Set(seen.machines.flatMap((m) => (m.state === "leased" ? [m.id] : [])));
        for (const action of planPool(desired, seen, NOW)) {
          if (action.kind === "terminate" && leased.has(action.machineId)) expect(action.reason).toBe("job-timeout");
        }
      }),
    );
  });

  it("asks for no fewer machines when more wait", () => {
    fc.assert(
      fc.property(anyDesired, anyObserved, (desired, seen) => {
        const more = { ...seen, waitingLeases: seen.waitingLeases + 1 };
        expect(launches(desired, more)).toBeGreaterThanOrEqual(launches(desired, seen));
      }),
    );
  });

  it("plans of a list that was looked at before, by other wishes and at other times, as of one that it never saw", () => {
    const earlier = fc.array(fc.tuple(anyDesired, fc.nat(100_000_000)), { maxLength: 3 });
    fc.assert(
      fc.property(anyDesired, anyObserved, earlier, (desired, seen, looks) => {
        for (const [other, after] of looks) {
          planPool({ ...other, maxAgeMs: after }, { ...seen, watchedSince: after }, NOW + after);
          nextDueAt({ ...other, jobTimeoutMs: after }, seen, NOW + after);
        }

        const fresh = { ...seen, machines: [...seen.machines] };
        expect(planPool(desired, seen, NOW)).toEqual(planPool(desired, fresh, NOW));
        expect(nextDueAt(desired, seen, NOW)).toBe(nextDueAt(desired, { ...seen, machines: [...seen.machines] }, NOW));
      }),
    );
  });

  it("plans at most one action for a machine", () => {
    fc.assert(
      fc.property(anyDesired, anyObserved, (desired, seen) => {
        const ids = planPool(desired, seen, NOW).flatMap((a) => (a.kind === "terminate" ? [a.machineId] : []));
        expect(new Set(ids).size).toBe(ids.length);
      }),
    );
  });
});
