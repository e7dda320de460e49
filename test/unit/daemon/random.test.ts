import { expect, it } from "vitest";
import { systemRandom } from "../../../src/daemon/random.ts";

it("makes ids that differ, of the prefix and at least ten letters and digits", () => {
  const ids = Array.from({ length: 1000 }, () => systemRandom.id("m"));

  expect(new Set(ids).size).toBe(1000);
  expect(ids.filter((id) => !/^m-[0-9a-z]{10,}$/.test(id))).toEqual([]);
});

it("draws fractions from 0 to below 1", () => {
  const fractions = Array.from({ length: 1000 }, () => systemRandom.fraction());

  expect(fractions.filter((fraction) => fraction < 0 || fraction >= 1)).toEqual([]);
  expect(new Set(fractions).size).toBeGreaterThan(990);
});
