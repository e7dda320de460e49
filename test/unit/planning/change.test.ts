import { expect, it } from "vitest";
import { shapeDigestOf } from "../../../src/domain/recipe.ts";
import type { DesiredPool } from "../../../src/domain/pool.ts";
import type { LiveMachine } from "../../../src/domain/machine.ts";
import { effectOf } from "../../../src/planning/change.ts";
import { bootingMachine, idleMachine, leasedMachine, NOW, terminatingMachine } from "../../support/machines.ts";
import { pool } from "../../support/pools.ts";

const image = (name: string): Pick<DesiredPool, "shape"> => ({ shape: { driver: "simulated", image: name } });
const made = (of: DesiredPool, machines: readonly LiveMachine[]): LiveMachine[] =>
  machines.map((machine) => ({ ...machine, shapeDigest: shapeDigestOf(of) }));
const before = pool({ ...image("old"), idleCount: 2, maxMachines: 6, cost: { usdPerHour: 0.1 } });
const there = made(before, [idleMachine(), idleMachine(), leasedMachine(), terminatingMachine()]);
const effect = (after: DesiredPool | undefined, waitingLeases = 0) =>
  effectOf({ before, after, machines: there, waitingLeases }, NOW);

it.each([
  ["nothing, for a change of a deadline", { ...before, jobTimeoutMs: 1 }, [0, 0, 0]],
  ["launches for a higher idle count", { ...before, idleCount: 4 }, [2, 0, 0]],
  ["retires what is surplus of a lower one", { ...before, idleCount: 0 }, [0, 2, 0]],
  ["keeps to max_machines", { ...before, idleCount: 5, maxMachines: 5 }, [2, 0, 0]],
  ["replaces all that is idle for a new shape, and lets jobs finish", { ...before, ...image("new") }, [2, 2, 1]],
  ["retires all of a removed pool but its leased machines", undefined, [0, 2, 1]],
])("%s", (_title, after, expected) => {
  const { launched, retired, finishing } = effect(after);

  expect([launched, retired, finishing]).toEqual(expected);
});

it("counts who waits, and what boots already", () => {
  const machines = made(before, [bootingMachine()]);

  expect(effectOf({ before, after: before, machines, waitingLeases: 2 }, NOW).launched).toBe(3);
});

it("tells what idle machines cost a day, before and after, by the schedule of the day", () => {
  const office = { periods: ["* 0-11 * * *"], timezone: "UTC", idleCount: 0 };

  expect(effect({ ...before, idleCount: 3, schedule: [office] })).toMatchObject({
    idleUsdPerDayBefore: 4.8,
    idleUsdPerDayAfter: 3.6,
  });
});

it("tells no cost where no price is known", () => {
  expect(effect({ ...before, cost: {} }).idleUsdPerDayAfter).toBeUndefined();
});

it("launches for what a target asks for now, and tells no cost of a day for it: nobody knows what it will choose", () => {
  const aimed = { ...before, idleCount: 0, target: { waitMs: 0, share: 0.95 } };
  const ofTarget = effectOf({ before, after: aimed, machines: there, waitingLeases: 0, level: 5 }, NOW);

  expect(ofTarget).toMatchObject({ launched: 3, retired: 0, idleUsdPerDayBefore: 4.8 });
  expect(ofTarget.idleUsdPerDayAfter).toBeUndefined();
});

it("launches no more than the budget, or the limit over all pools, leaves", () => {
  const after = { ...before, idleCount: 5 };

  const launched = [Infinity, 1, 0].map(
    (mostLaunched) => effectOf({ before, after, machines: there, waitingLeases: 0, mostLaunched }, NOW).launched,
  );

  expect(launched).toEqual([3, 1, 0]);
});
