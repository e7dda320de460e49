import { expect } from "vitest";
import type { Fault } from "../../src/simulation/faults/kinds.ts";
import { planFaults } from "../../src/simulation/faults/plan.ts";
import { runDay } from "../../src/simulation/run/runDay.ts";
import type { DayResult } from "../../src/simulation/run/runDay.ts";
import { DAY_MS, planDay } from "../../src/simulation/world/day.ts";
import type { Day } from "../../src/simulation/world/day.ts";

/** The longest that a file of simulated days may take, in milliseconds. */
export const DAYS_MS = 600_000;

/** Whole numbers, `from` first. */
export const range = (from: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => from + index);

/** Lives through the day of a seed, with all its faults if nothing else is said, and expects that it keeps every promise. */
export async function liveThrough(
  seed: number,
  faults: readonly Fault[] = planFaults(seed, DAY_MS),
  { day = planDay(seed), startMs }: { readonly day?: Day; readonly startMs?: number } = {},
): Promise<DayResult> {
  const result = await runDay(day, { faults, startMs });
  const again = `npm run simulate -- --seed ${seed}${faults.length === 0 ? " --faults none" : ""}`;
  const broken = result.violations.map(({ invariant, atMs, text }) => `${invariant} at ${atMs} ms: ${text}`);
  expect({ again, broken }).toEqual({ again, broken: [] });
  return result;
}
