import { expect, it } from "vitest";
import type { ObservedPool } from "../../../src/planning/observed.ts";
import { explainPool, explainWait } from "../../../src/planning/why.ts";
import { bootingMachine, idleMachine, leasedMachine, NOW, requestedMachine } from "../../support/machines.ts";
import { pool } from "../../support/pools.ts";

const observed = (overrides: Partial<ObservedPool>): ObservedPool => ({
  machines: [],
  waitingLeases: 1,
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

it.each([
  ["a boot that is under way", { machines: [bootingMachine()] }, "no idle machine; 1 booting"],
  ["a launch that is yet to come", { waitingLeases: 0 }, "no idle machine; a launch is next"],
  ["the pool's limit", { machines: [leasedMachine()] }, "no idle machine; max_machines (1) of the pool is reached"],
  ["the limit over all", { headroomOverall: 0 }, "no idle machine; max_machines over all pools is reached"],
  [
    "a refusal, also while the next try is on its way",
    { machines: [requestedMachine()], launchProblem: "no memory" },
    "no idle machine; launches are refused and tried again: no memory",
  ],
  ["the cordon", { mode: "cordoned" as const }, "the pool is cordoned"],
])("explains a wait by %s", (_what, overrides, expected) => {
  expect(explainWait(pool({ maxMachines: 1 }), observed(overrides), NOW)).toBe(expected);
});

it("says of a quiet pool whether its idle_count is met", () => {
  const met = explainPool(pool({ idleCount: 1 }), observed({ waitingLeases: 0, machines: [idleMachine()] }), NOW);
  const coming = explainPool(pool({ idleCount: 1 }), observed({ waitingLeases: 0, machines: [bootingMachine()] }), NOW);

  const refused = explainPool(
    pool({ idleCount: 1 }),
    observed({ waitingLeases: 0, machines: [requestedMachine()], launchProblem: "no memory" }),
    NOW,
  );

  expect(refused).toBe(
    "0 idle, 1 booting, 0 leased, 0 terminating; idle_count 1 is not met: launches are refused and tried again: no memory",
  );
  expect(met).toBe("1 idle, 0 booting, 0 leased, 0 terminating; idle_count 1 is met");
  expect(coming).toBe("0 idle, 1 booting, 0 leased, 0 terminating; idle_count 1 is on the way");
});
