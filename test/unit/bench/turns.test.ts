import { expect, it } from "vitest";
import { comparisonFrom, takeTurns } from "../../bench/turns.ts";

const never = new AbortController().signal;

it("runs both ways in turn, and does not count the first round", async () => {
  const ran: string[] = [];
  const way = (name: string) => ({ name, run: async () => void ran.push(name) });

  const { rounds, ways } = await takeTurns("both", [way("A"), way("B")], 2, () => undefined, never);

  expect(ran).toEqual(["A", "B", "A", "B", "A", "B"]);
  expect([rounds, ways.map(({ name }) => name)]).toEqual([2, ["A", "B"]]);
});

it("takes ratios round by round, not from the two spreads", () => {
  const comparison = comparisonFrom(
    "both",
    "ms",
    ["A", "B"],
    [
      [1, 10],
      [10, 20],
      [2, 6],
      [4, 20],
    ],
  );

  expect(comparison.ways.map(({ spread }) => spread)).toEqual([
    { min: 1, median: 3, max: 10 },
    { min: 6, median: 15, max: 20 },
  ]);
  expect(comparison.ratio).toEqual({ min: 2, median: 4, max: 10 });
});
