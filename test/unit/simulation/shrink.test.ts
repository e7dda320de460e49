import fc from "fast-check";
import { expect, it } from "vitest";
import { shrinkFaults } from "../../../src/simulation/run/shrink.ts";

const all = Array.from({ length: 40 }, (_, index) => index);
const never = (): boolean => false;
const needs =
  (...needed: number[]) =>
  async (some: readonly number[]): Promise<boolean> =>
    needed.every((one) => some.includes(one));

it("finds the one fault that breaks", async () => {
  expect(await shrinkFaults(all, needs(23), never)).toEqual({ kept: [23], isMinimal: true });
});

it("finds faults that break only together, in their order", async () => {
  expect(await shrinkFaults(all, needs(31, 3), never)).toEqual({ kept: [3, 31], isMinimal: true });
});

it("finds that no fault is needed, at the first try", async () => {
  let asked = 0;

  const shrunk = await shrinkFaults(
    all,
    async () => {
      asked += 1;
      return true;
    },
    never,
  );

  expect(shrunk).toEqual({ kept: [], isMinimal: true });
  expect(asked).toBe(1);
});

it("leaves nothing in that could be left out, whatever breaks", async () => {
  const families = fc.array(fc.uniqueArray(fc.nat({ max: 11 }), { minLength: 1, maxLength: 5 }), {
    minLength: 1,
    maxLength: 5,
  });

  await fc.assert(
    fc.asyncProperty(families, fc.nat({ max: 11 }), async (sets, masked) => {
      // Not monotonic: one fault can hide what another shows, unless a third is there.
      const breaks = async (some: readonly number[]): Promise<boolean> =>
        sets.some((set) => set.every((one) => some.includes(one))) && (!some.includes(masked) || some.includes(0));
      const whole = Array.from({ length: 12 }, (_, index) => index);

      const { kept, isMinimal } = await shrinkFaults(whole, breaks, never);

      expect(isMinimal).toBe(true);
      expect(await breaks(kept)).toBe(true);
      for (const one of kept) expect(await breaks(kept.filter((other) => other !== one))).toBe(false);
    }),
  );
});

it("ends in time with a list that breaks, and says that it may not be the shortest", async () => {
  let asked = 0;
  const breaks = needs(5, 38);

  const { kept, isMinimal } = await shrinkFaults(
    all,
    (some) => {
      asked += 1;
      return breaks(some);
    },
    () => asked >= 6,
  );

  expect(asked).toBe(6);
  expect(isMinimal).toBe(false);
  expect(kept.length).toBeLessThan(all.length);
  expect(await breaks(kept)).toBe(true);
});
