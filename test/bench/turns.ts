import type { Goal } from "./goals.ts";

/** One of two ways to do the same. */
export interface Way {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}

/** Least, middle and greatest of some numbers. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** Two ways beside each other: the first is the peer or the floor, the second is ours. */
export interface Comparison {
  readonly title: string;
  readonly unit: "ms" | "MB" | "calls";
  readonly rounds: number;
  readonly ways: readonly { readonly name: string; readonly spread: Spread }[];
  /** The second way divided by the first, round by round: less is better. */
  readonly ratio: Spread;
  /** The second way less the first, round by round, where that is what the goal is about. */
  readonly difference?: Spread | undefined;
  /** What should hold. @default none was set */
  readonly goal?: Goal | undefined;
}

/** Answers the spread of at least one number. */
function spreadFrom(numbers: readonly number[]): Spread {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return { min: at(0), median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, max: at(sorted.length - 1) };
}

/** Compares numbers that were taken pair by pair. */
export function comparisonFrom(
  title: string,
  unit: Comparison["unit"],
  names: readonly [string, string],
  pairs: readonly (readonly [number, number])[],
): Comparison {
  const ways = names.map((name, index) => ({ name, spread: spreadFrom(pairs.map((pair) => pair[index] ?? 0)) }));
  return { title, unit, rounds: pairs.length, ways, ratio: spreadFrom(pairs.map(([first, second]) => second / first)) };
}

/** Adds how much more the second way took, round by round. */
export const withDifference = (comparison: Comparison, pairs: readonly (readonly [number, number])[]): Comparison => ({
  ...comparison,
  difference: spreadFrom(pairs.map(([first, second]) => second - first)),
});

/** Times two ways in turn, A B A B …, so that both meet the same weather. The first round of each is not counted. */
export async function takeTurns(
  title: string,
  [first, second]: readonly [Way, Way],
  rounds: number,
  onRound: (round: number) => void,
  signal: AbortSignal,
): Promise<Comparison> {
  const pairs: [number, number][] = [];
  for (let round = 0; round <= rounds; round += 1) {
    onRound(round);
    const pair: [number, number] = [await timed(first, signal), await timed(second, signal)];
    if (round > 0) pairs.push(pair);
  }
  return comparisonFrom(title, "ms", [first.name, second.name], pairs);
}

async function timed(way: Way, signal: AbortSignal): Promise<number> {
  const startedAt = performance.now();
  await way.run(signal);
  return performance.now() - startedAt;
}
