import { expect, it } from "vitest";
import { createSeededRandom } from "../../../src/simulation/random.ts";

it("repeats its sequence from the same seed and differs from another", () => {
  const drawn = (seed: number): string[] => {
    const random = createSeededRandom(seed);
    return [random.id("m"), String(random.fraction()), random.id("m")];
  };

  expect(drawn(7)).toEqual(drawn(7));
  expect(drawn(7)).not.toEqual(drawn(8));
});

it("draws fractions that spread over [0, 1) and ids in the port's form", () => {
  const random = createSeededRandom(1);
  const fractions = Array.from({ length: 10_000 }, () => random.fraction());
  const mean = fractions.reduce((sum, fraction) => sum + fraction) / fractions.length;

  expect(Math.min(...fractions)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...fractions)).toBeLessThan(1);
  expect(mean).toBeCloseTo(0.5, 1);
  expect(random.id("m")).toMatch(/^m-[0-9a-z]{10,}$/);
});
