import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import type { Fault } from "../../src/simulation/faults/kinds.ts";
import { planFaults } from "../../src/simulation/faults/plan.ts";
import { runDay } from "../../src/simulation/run/runDay.ts";
import type { DayResult } from "../../src/simulation/run/runDay.ts";
import { DAY_MS, planDay } from "../../src/simulation/world/day.ts";
import { FAILED_SEEDS } from "./failedSeeds.ts";

const DAYS_MS = 240_000;
const PRINT_DAY = fileURLToPath(new URL("../support/printDay.ts", import.meta.url));
const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => from + index);
const dayOf = (seed: number, faults: readonly Fault[] = planFaults(seed, DAY_MS)): Promise<DayResult> =>
  runDay(planDay(seed), { faults });
const brokenOf = ({ violations }: DayResult): string[] =>
  violations.map(({ invariant, atMs, text }) => `${invariant} at ${atMs} ms: ${text}`);

it("keeps every promise on days without a fault", { timeout: DAYS_MS }, async () => {
  for (const seed of range(1, 10)) {
    const result = await dayOf(seed, []);
    expect({ seed, broken: brokenOf(result) }).toEqual({ seed, broken: [] });
    expect(result.jobsServed).toBeGreaterThan(0);
  }
});

it("keeps every promise on days with all faults", { timeout: DAYS_MS }, async () => {
  const struck = new Set<string>();

  for (const seed of range(1, 70)) {
    const result = await dayOf(seed);
    expect({ seed, broken: brokenOf(result) }).toEqual({ seed, broken: [] });
    for (const kind of result.faults.keys()) struck.add(kind);
  }

  expect(struck.size).toBeGreaterThan(20);
});

it.each(FAILED_SEEDS)("keeps every promise on day $seed, which once showed that $why", async ({ seed }) => {
  expect(brokenOf(await dayOf(seed))).toEqual([]);
});

it("lives through the same day twice, event by event, the second time in another process", async () => {
  const { hash, portCalls } = await dayOf(3);

  const { stdout } = await promisify(execFile)(process.execPath, [PRINT_DAY, "3"]);

  expect(JSON.parse(stdout)).toEqual({ hash, portCalls });
});
