import { expect, it } from "vitest";
import { shrinkFaults } from "../../../src/simulation/run/shrink.ts";

const all = Array.from({ length: 40 }, (_, index) => index);
const needs =
  (...needed: number[]) =>
  async (some: readonly number[]): Promise<boolean> =>
    needed.every((one) => some.includes(one));

it("finds the one fault that breaks", async () => {
  expect(await shrinkFaults(all, needs(23), 100)).toEqual([23]);
});

it("finds faults that break only together, in their order", async () => {
  expect(await shrinkFaults(all, needs(31, 3), 200)).toEqual([3, 31]);
});

it("finds that no fault is needed", async () => {
  expect(await shrinkFaults(all, async () => true, 100)).toEqual([]);
});

it("asks no more often than it may, and still answers a list that breaks", async () => {
  let asked = 0;
  const breaks = needs(5, 38);

  const few = await shrinkFaults(
    all,
    (some) => {
      asked += 1;
      return breaks(some);
    },
    6,
  );

  expect(asked).toBe(6);
  expect(await breaks(few)).toBe(true);
});
