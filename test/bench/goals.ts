import type { Comparison } from "./turns.ts";

/** What the median of a figure should be at most. */
export interface Goal {
  readonly of: "ratio" | "second" | "difference";
  /** As a factor for a ratio, else in the comparison's unit. */
  readonly atMost: number;
}

/** Whether a comparison attains its goal. */
export function attained(comparison: Comparison, { of, atMost }: Goal): boolean {
  const { ratio, ways, difference } = comparison;
  const spread = { ratio, second: ways[1]?.spread, difference }[of];
  if (spread === undefined) throw new Error(`Expected "${comparison.title}" to have a ${of} for its goal`);
  return spread.median <= atMost;
}

/** Says a goal in a few words. */
export function goalText({ unit }: Comparison, { of, atMost }: Goal): string {
  if (of === "ratio") return `≤ ${Number(atMost.toPrecision(3))}×`;
  return `≤ ${atMost} ${unit}, of the ${of}`;
}
