import fc from "fast-check";
import { expect, it } from "vitest";
import type { Machine } from "../../../src/domain/machine.ts";
import { budgetLeft, costWithin } from "../../../src/planning/cost/daySpend.ts";
import { bootingFrom, idleFrom, leasedFrom, terminatedFrom, terminatingFrom } from "../../../src/domain/moves.ts";
import { leaseIdFrom } from "../../../src/domain/ids.ts";
import { pool } from "../../support/pools.ts";
import { newMachine } from "../../support/records.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const address = { host: "127.0.0.1", port: 22 };
const price = { usdPerHour: 1, source: "a test" };
const times = { bootMs: 60_000, jobMs: 600_000 };
const priced = pool({ idleTimeMs: 0, cost: { usdPerHour: 1 }, budgetUsdPerDay: 10 });

const leasedAt = (at: number) =>
  leasedFrom(idleFrom(bootingFrom(newMachine("m-1"), "i-1", at, price), address, at), leaseIdFrom("l-1"), at);
const endedAt = (from: number, to: number): Machine =>
  terminatedFrom(terminatingFrom(leasedAt(from), "job-finished", "", to), to, (to - from) / HOUR_MS);

it("counts of a machine's cost what falls within the day", () => {
  expect(costWithin(leasedAt(DAY_MS - 2 * HOUR_MS), DAY_MS, DAY_MS + 3 * HOUR_MS)).toBeCloseTo(3, 6);
  expect(costWithin(leasedAt(DAY_MS + HOUR_MS), DAY_MS, DAY_MS + 3 * HOUR_MS)).toBeCloseTo(2, 6);
  expect(costWithin(endedAt(DAY_MS - 2 * HOUR_MS, DAY_MS + HOUR_MS), DAY_MS, DAY_MS + HOUR_MS)).toBeCloseTo(1, 6);
  expect(costWithin(newMachine("m-2"), 0, DAY_MS)).toBe(0);
});

it("leaves room for as many launches as still fit beside what is spent and what is there", () => {
  const now = DAY_MS + 4 * HOUR_MS;
  // 4 spent and 1/6 expected of one at work; one more is a boot and a job: 11 minutes.
  const left = budgetLeft(priced, [leasedAt(DAY_MS)], 2, times, now);

  // It has been at work for longer than most, and is taken to be for as long as most again.
  expect(left?.room).toBe(Math.floor((10 - 2 - 4 - 1 / 6) / (11 / 60)));
  expect(left?.text).toBe(
    "budget_per_day ($10.00): $6.00 spent since midnight UTC, $0.1667 expected of what is there, $0.1833 for one more",
  );
});

it("counts what costs reach beyond midnight to the day after", () => {
  const justBefore = budgetLeft({ ...priced, budgetUsdPerDay: 0.05 }, [], 0, times, 2 * DAY_MS - 60_000);
  const justAfter = budgetLeft({ ...priced, budgetUsdPerDay: 0.05 }, [], 0, times, 2 * DAY_MS);

  expect(justBefore?.room).toBe(3);
  expect(justAfter?.room).toBe(0);
});

it("launches nothing where no price is known, and says what to do", () => {
  const left = budgetLeft({ ...pool(), budgetUsdPerDay: 5 }, [], 0, times, 0);

  expect(left).toEqual({
    room: 0,
    text: "budget_per_day cannot be kept, since no price of its machines is known: set one under [pool.cost]",
  });
});

it("leaves never more room for more that was spent, nor for a smaller budget", () => {
  const amount = fc.double({ min: 0.01, max: 50, noNaN: true });
  fc.assert(
    fc.property(amount, amount, amount, fc.nat(DAY_MS - 1), (budget, spent, more, at) => {
      const roomOf = (budgetUsdPerDay: number, endedUsd: number): number =>
        budgetLeft({ ...priced, budgetUsdPerDay }, [], endedUsd, times, at)?.room ?? Number.NaN;

      expect(roomOf(budget, spent + more)).toBeLessThanOrEqual(roomOf(budget, spent));
      expect(roomOf(budget + more, spent)).toBeGreaterThanOrEqual(roomOf(budget, spent));
    }),
  );
});
