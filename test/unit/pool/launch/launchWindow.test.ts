import { beforeEach, describe, expect, it } from "vitest";
import type { DesiredPool } from "../../../../src/domain/pool.ts";
import type { ObservedPool, PoolInView } from "../../../../src/planning/observed.ts";
import type { Action } from "../../../../src/planning/plan.ts";
import type { Fleet } from "../../../../src/pool/fleet.ts";
import { heldUntil, withoutHeld } from "../../../../src/pool/launch/launchWindow.ts";
import { pool } from "../../../support/pools.ts";

let now: number;
let fleet: Fleet;

beforeEach(() => {
  now = 1_000_000;
  const drivers = new Map([
    ["ec2", { together: { maxMachines: 16 } }],
    ["simulated", {}],
  ]);
  fleet = { deps: { clock: { now: () => now }, drivers }, heldLaunches: new Map() } as unknown as Fleet;
});

const view = (observed: Partial<ObservedPool> = {}, desired: Partial<DesiredPool> = {}): PoolInView => ({
  desired: pool({ name: "cloud", shape: { driver: "ec2" } as never, maxMachines: 100, maxGrowthRate: 50, ...desired }),
  observed: { machines: [], waitingLeases: 0, headroomOverall: 100, ...observed } as ObservedPool,
});
const launch = (count: number): Action => ({ kind: "launch", poolName: "cloud", count });
const plan = (one: PoolInView, count: number): Action[] => withoutHeld(fleet, [one], [launch(count)]);

describe("a launch that others may join", () => {
  it.each([
    ["30 ms while jobs wait", { waitingLeases: 2 }, 30],
    ["a second while it is for idle machines alone", {}, 1_000],
  ])("waits for them %s, from the first wish on", (_, observed, windowMs) => {
    const seen = view(observed);
    const startedAt = now;

    expect(plan(seen, 1)).toEqual([]);
    expect(heldUntil(fleet, seen)).toBe(startedAt + windowMs);
    now += windowMs - 1;
    expect(plan(seen, 2)).toEqual([]);
    now += 1;
    expect(plan(seen, 3)).toEqual([launch(3)]);
    expect(heldUntil(fleet, seen)).toBe(Infinity);
    // The next wish begins anew.
    expect(plan(seen, 1)).toEqual([]);
    expect(heldUntil(fleet, seen)).toBe(now + windowMs);
  });

  it("goes out soon once a job waits for it", () => {
    expect(plan(view(), 1)).toEqual([]);
    now += 40;

    expect(plan(view({ waitingLeases: 1 }), 1)).toEqual([launch(1)]);
  });

  it("waits no more when nobody wishes for it any more, and from the start when somebody does again", () => {
    expect(plan(view(), 1)).toEqual([]);
    expect(withoutHeld(fleet, [view()], [])).toEqual([]);
    now += 5_000;

    expect(plan(view(), 1)).toEqual([]);
  });
});

describe("a launch goes out at once", () => {
  it.each<[string, PoolInView, number]>([
    ["that fills a call", view(), 16],
    ["that is all that the pool may launch at a time", view({}, { maxGrowthRate: 3 }), 3],
    ["that is all that the pool may have", view({}, { maxMachines: 2 }), 2],
    ["that is all that all pools may have", view({ headroomOverall: 1 }), 1],
    ["whose driver launches one by one", view({}, { shape: { driver: "simulated" } }), 1],
  ])("%s", (_, seen, count) => {
    expect(plan(seen, count)).toEqual([launch(count)]);
  });
});

it("holds nothing else back", () => {
  const other = { kind: "terminate", machineId: "m-1", reason: "max-age", detail: "old" } as unknown as Action;

  expect(withoutHeld(fleet, [view()], [other, launch(1)])).toEqual([other]);
});
