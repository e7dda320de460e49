import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LiveMachine } from "../../../src/domain/machine.ts";
import { nextDueAt } from "../../../src/planning/due.ts";
import { planFleet } from "../../../src/planning/fleet.ts";
import { countInFlight } from "../../../src/planning/observed.ts";
import type { ObservedPool } from "../../../src/planning/observed.ts";
import { planPool } from "../../../src/planning/plan.ts";
import { STOP_TIMEOUT_MS } from "../../../src/planning/retire.ts";
import { explainPool } from "../../../src/planning/why.ts";
import {
  bootingMachine,
  idleMachine,
  leasedMachine,
  NOW,
  RECIPE,
  startingMachine,
  stoppedMachine,
  stoppingMachine,
  terminatingMachine,
} from "../../support/machines.ts";
import { pool } from "../../support/pools.ts";

const tier = { recipe: RECIPE, startsPausedUntil: 0, stopsPausedUntil: 0, stopProblem: "" };
const observed = (overrides: Partial<ObservedPool> = {}): ObservedPool => ({
  ...{ machines: [], waitingLeases: 0, waitingSince: Infinity, mode: "open", launchesPausedUntil: 0 },
  ...{ launchProblem: "", storeProblem: "", reservedForOthers: 0, watchedSince: 0, headroomOverall: 100, tier },
  ...overrides,
});
const desired = pool({ idleCount: 1, stoppedCount: 1, maxGrowthRate: 9, maxMachines: 9 });
const idle = (idleMs = 0) => ({ ...idleMachine({ ageMs: 60_000, idleMs }), recipe: RECIPE });

/** A plan in short: what is done to which machine, by its place in the list, and how many are launched. */
function planned(seen: ObservedPool, wish = desired): string[] {
  const places = new Map(seen.machines.map(({ id }, place) => [id, place]));
  return planPool(wish, seen, NOW).map((action) => {
    if (action.kind === "launch") return `launch ${action.count}`;
    const reason = action.kind === "terminate" ? ` ${action.reason}` : "";
    return `${action.kind} ${places.get(action.machineId)}${reason}`;
  });
}

describe("filling the stopped machines up", () => {
  it.each<[string, Partial<ObservedPool>, string[]]>([
    ["launches for them beside the idle count", {}, ["launch 2"]],
    ["counts what is stopping", { machines: [idle(), stoppingMachine()] }, []],
    ["stops a machine that is ready beyond the idle count, the youngest", { machines: [idle(9), idle(1)] }, ["stop 1"]],
    ["leaves the idle count alone while another comes up", { machines: [idle(), bootingMachine()] }, []],
    ["stops none that somebody waits for", { machines: [idle(), idle()], waitingLeases: 1 }, ["launch 1"]],
    ["stops none of a cordoned pool", { machines: [idle(), idle()], mode: "cordoned" }, []],
    ["stops none while the store cannot write", { machines: [idle(), idle()], storeProblem: "disk full" }, []],
    ["stops none during a pause, nor launches for it", { tier: { ...tier, stopsPausedUntil: NOW + 1 } }, ["launch 1"]],
    ["stops none where the provider cannot", { machines: [idle(), idle()], tier: undefined }, []],
    ["leaves room for who waits elsewhere", { headroomOverall: 2, reservedForOthers: 1 }, ["launch 1"]],
    [
      "ends what was made otherwise in the place of stopping it",
      { machines: [idle(9), idleMachine()] },
      ["terminate 1 pool-changed"],
    ],
  ])("%s", (_title, seen, expected) => {
    expect(planned(observed(seen))).toEqual(expected);
  });
});

describe("a pool that wants machines", () => {
  it.each<[string, Partial<ObservedPool>, string[]]>([
    [
      "starts a stopped one first, and launches the rest, and one to take its place",
      { machines: [stoppedMachine()], waitingLeases: 1 },
      ["start 0", "launch 2"],
    ],
    [
      "starts the longest stopped",
      { machines: [idle(), stoppedMachine(), stoppedMachine({ ageMs: 9 })], waitingLeases: 1 },
      ["start 2", "terminate 1 surplus-stopped"],
    ],
    ["counts those that are starting", { machines: [startingMachine()] }, ["launch 1"]],
    [
      "launches while starts pause",
      { machines: [stoppedMachine()], tier: { ...tier, startsPausedUntil: NOW + 1 } },
      ["launch 1"],
    ],
    ["starts none of a cordoned pool", { machines: [stoppedMachine()], mode: "cordoned" }, []],
    [
      "starts although the limit is met, since it counts already",
      { machines: [stoppedMachine()], headroomOverall: 0 },
      ["start 0"],
    ],
  ])("%s", (_title, seen, expected) => {
    expect(planned(observed(seen)).toSorted()).toEqual(expected.toSorted());
  });

  it("keeps to max_growth_rate with starts and launches together", () => {
    const machines = [stoppedMachine(), stoppedMachine(), bootingMachine()];
    const seen = observed({ machines, waitingLeases: 9 });

    expect(planned(seen, { ...desired, stoppedCount: 2, maxGrowthRate: 2 })).toEqual(["start 0"]);
  });
});

describe("stopped machines end", () => {
  it.each<[string, Partial<ObservedPool>, string[]]>([
    [
      "when the pool makes others now",
      { machines: [idle(), stoppedMachine({ recipe: "old" })] },
      ["terminate 1 pool-changed"],
    ],
    [
      "when there are more than wished for, the oldest",
      { machines: [idle(), stoppedMachine(), stoppedMachine()] },
      ["terminate 1 surplus-stopped"],
    ],
    ["by their age", { machines: [idle(), stoppedMachine({ ageMs: desired.maxAgeMs + 1 })] }, ["terminate 1 max-age"]],
    [
      "with a draining pool, in whatever state",
      {
        machines: [stoppedMachine(), stoppingMachine(), startingMachine(), leasedMachine()],
        mode: "draining",
      },
      ["terminate 0 pool-drained", "terminate 1 pool-drained", "terminate 2 pool-drained"],
    ],
    [
      "when the stop is never shown done",
      { machines: [idle(), stoppingMachine({ stoppingMs: STOP_TIMEOUT_MS + 1 })] },
      ["terminate 1 stop-failed"],
    ],
    [
      "when they do not come up again",
      { machines: [startingMachine({ startingMs: desired.bootTimeoutMs + 1 })] },
      ["terminate 0 boot-timeout"],
    ],
    [
      "where the provider can stop none any more",
      { machines: [idle(), stoppedMachine()], tier: undefined },
      ["terminate 1 pool-changed"],
    ],
  ])("%s", (_title, seen, expected) => {
    expect(planned(observed(seen)).filter((action) => action.startsWith("terminate"))).toEqual(expected);
  });

  it("for who waits in another pool when the limit over all is met, before idle ones", () => {
    const needy = observed({ waitingLeases: 1, headroomOverall: 0, tier: undefined });
    const machines = [idle(), stoppedMachine()];
    const pools = [
      { desired: pool({ name: "needy" }), observed: needy },
      { desired, observed: observed({ machines, headroomOverall: 0 }) },
    ];

    expect(planFleet(pools, NOW)).toMatchObject([{ machineId: machines[1]?.id, reason: "surplus-stopped" }]);
  });

  it("not for who waits in another pool while their own is waited for", () => {
    const needy = observed({ waitingLeases: 1, headroomOverall: 0, tier: undefined });
    const seen = observed({ machines: [stoppedMachine()], headroomOverall: 0, waitingLeases: 1 });
    const pools = [
      { desired: pool({ name: "needy" }), observed: needy },
      { desired, observed: seen },
    ];

    expect(planFleet(pools, NOW).map(({ kind }) => kind)).toEqual(["start"]);
  });
});

it("looks again when a pause of starts or stops is over, and when a stop or a start is overdue", () => {
  const dueOf = (seen: Partial<ObservedPool>): number => nextDueAt(desired, observed(seen), NOW) - NOW;

  expect(dueOf({ tier: { ...tier, startsPausedUntil: NOW + 7 } })).toBe(7);
  expect(dueOf({ tier: { ...tier, stopsPausedUntil: NOW + 8 } })).toBe(8);
  expect(dueOf({ machines: [stoppingMachine()] })).toBe(STOP_TIMEOUT_MS + 1);
  expect(dueOf({ machines: [startingMachine()] })).toBe(desired.bootTimeoutMs + 1);
});

it("says how many are stopped, and whether that is as wished", () => {
  const machines = [idle(), stoppedMachine()];

  expect(explainPool(desired, observed({ machines }), NOW)).toBe(
    "1 idle, 1 stopped, 0 booting, 0 leased, 0 terminating; idle_count 1 is met, stopped_count 1 is met",
  );
  expect(explainPool(desired, observed({ machines: machines.slice(0, 1) }), NOW)).toContain(
    "stopped_count 1 is not met yet",
  );
  const refused = observed({ machines: machines.slice(0, 1), tier: { ...tier, stopProblem: "not allowed" } });
  expect(explainPool(desired, refused, NOW)).toContain(
    "stopped_count 1 is not met yet: stops are refused and tried again: not allowed",
  );
});

describe("properties", () => {
  const builders: readonly ((age: { ageMs: number }) => LiveMachine)[] = [
    bootingMachine,
    ({ ageMs }) => ({ ...idleMachine({ ageMs }), recipe: RECIPE }),
    idleMachine,
    ({ ageMs }) => leasedMachine({ ageMs, leasedMs: ageMs }),
    stoppedMachine,
    ({ ageMs }) => stoppingMachine({ ageMs, stoppingMs: ageMs }),
    ({ ageMs }) => startingMachine({ ageMs, startingMs: ageMs }),
    terminatingMachine,
  ];
  const anyMachine = fc
    .tuple(fc.constantFrom(...builders), fc.nat(50_000_000))
    .map(([build, ageMs]) => build({ ageMs }));
  const anyWish = fc
    .record({ maxMachines: fc.integer({ min: 1, max: 20 }), idleCount: fc.nat(5), stoppedCount: fc.nat(5) })
    .chain((wish) => fc.integer({ min: 1, max: 9 }).map((maxGrowthRate) => pool({ ...wish, maxGrowthRate })));
  const anySeen = fc
    .record({
      machines: fc.array(anyMachine, { maxLength: 25 }),
      waitingLeases: fc.nat(30),
      headroomOverall: fc.nat(30),
      mode: fc.constantFrom("open", "cordoned", "draining"),
    })
    .map((overrides) => observed(overrides));

  it("plans at most one action for a machine, stops none but idle ones, and starts none but stopped ones", () => {
    fc.assert(
      fc.property(anyWish, anySeen, (wish, seen) => {
        const states = new Map(seen.machines.map(({ id, state }) => [id, state]));
        const actions = planPool(wish, seen, NOW).flatMap((action) => (action.kind === "launch" ? [] : [action]));
        expect(new Set(actions.map(({ machineId }) => machineId)).size).toBe(actions.length);
        for (const { kind, machineId } of actions) {
          if (kind === "stop") expect(states.get(machineId)).toBe("idle");
          if (kind === "start") expect(states.get(machineId)).toBe("stopped");
        }
      }),
    );
  });

  it("never passes maxMachines, the limit over all, or maxGrowthRate", () => {
    fc.assert(
      fc.property(anyWish, anySeen, (wish, seen) => {
        const actions = planPool(wish, seen, NOW);
        const count = actions.reduce((sum, action) => sum + (action.kind === "launch" ? action.count : 0), 0);
        const starts = actions.filter(({ kind }) => kind === "start").length;
        const growth = countInFlight(seen.machines) + count + starts;
        expect(count === 0 || seen.machines.length + count <= wish.maxMachines).toBe(true);
        expect(count + starts === 0 || growth <= wish.maxGrowthRate).toBe(true);
        expect(count).toBeLessThanOrEqual(seen.headroomOverall);
      }),
    );
  });

  it("never stops so many that fewer are ready than wait and are wished for", () => {
    fc.assert(
      fc.property(anyWish, anySeen, (wish, seen) => {
        const stops = planPool(wish, seen, NOW).filter(({ kind }) => kind === "stop").length;
        const ready = seen.machines.filter(({ state }) => state === "idle").length;
        expect(stops === 0 || ready - stops >= seen.waitingLeases + wish.idleCount).toBe(true);
      }),
    );
  });
});
