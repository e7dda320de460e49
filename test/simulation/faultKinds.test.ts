import { expect, it } from "vitest";
import { FAULT_KINDS, FAULT_SHAPES, isTierFault } from "../../src/simulation/faults/kinds.ts";
import type { FaultKind } from "../../src/simulation/faults/kinds.ts";
import { planFaultsOf } from "../../src/simulation/faults/plan.ts";
import { runDay } from "../../src/simulation/run/runDay.ts";
import { planDay, withStoppedTier } from "../../src/simulation/world/day.ts";
import type { Day } from "../../src/simulation/world/day.ts";

/** Days cut short: all faults fall into this time. */
const LENGTH_MS = 6 * 3_600_000;
const MOST_SEEDS = 12;

/** A kind that needs another one to find something to strike: only what was ended already is answered like this. */
const COMPANIONS: Partial<Record<FaultKind, FaultKind>> = { "terminate-unauthorized": "terminate-answer-lost" };

it.each(FAULT_KINDS)("keeps every promise while %s strikes, and nothing else", { timeout: 120_000 }, async (kind) => {
  const companion = COMPANIONS[kind];
  const kinds = companion === undefined ? [kind] : [kind, companion];
  let strikes = 0;

  for (let seed = 1; strikes === 0 && seed <= MOST_SEEDS; seed++) {
    const day = fitFor(kind, planDay(seed));
    const result = await runDay(day, { faults: planFaultsOf(kinds, seed, LENGTH_MS), lengthMs: LENGTH_MS });
    expect({ seed, violations: result.violations }).toEqual({ seed, violations: [] });
    strikes += result.faults.get(kind) ?? 0;
  }

  expect(strikes, FAULT_SHAPES[kind].what).toBeGreaterThan(0);
});

function fitFor(kind: FaultKind, day: Day): Day {
  if (isTierFault(kind)) return withStoppedTier(day);
  return kind === "burst" ? roomy(day) : day;
}

/** A thousand jobs on one machine would take a simulated day of waiting. */
function roomy(day: Day): Day {
  return {
    ...day,
    pools: day.pools.map((pool) => ({ ...pool, maxMachines: 50, maxGrowthRate: 20 })),
    maxMachines: 50 * day.pools.length,
  };
}
