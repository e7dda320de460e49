import { expect, it } from "vitest";
import { EC2_FAULT_KINDS, FAULT_SHAPES } from "../../../src/simulation/faults/kinds.ts";
import type { FaultKind } from "../../../src/simulation/faults/kinds.ts";
import { planFaultsOf } from "../../../src/simulation/faults/plan.ts";
import { planEc2Day } from "../../../src/simulation/ec2/day.ts";
import type { Day } from "../../../src/simulation/world/day.ts";
import { runDay } from "../../../src/simulation/run/runDay.ts";

/** Days cut short: all faults fall into this time. */
const LENGTH_MS = 3 * 3_600_000;
const MOST_SEEDS = 12;

/** What strikes the calls of an account, or what it is made of; all others are the same with any provider. */
const KINDS = EC2_FAULT_KINDS.filter((kind) =>
  /^(launch|quota|calls|list|terminate|offerings|spot|vcpu|fleet|server|answers|describe|template|instance)-/.test(
    kind,
  ),
);

/** A kind that needs another one to find something to strike: only what was ended already is answered like this. */
const COMPANIONS: Partial<Record<FaultKind, FaultKind>> = { "terminate-unauthorized": "terminate-answer-lost" };

it.each(KINDS)("keeps every promise while EC2 knows %s, and nothing else", { timeout: 120_000 }, async (kind) => {
  const companion = COMPANIONS[kind];
  const kinds = companion === undefined ? [kind] : [kind, companion];
  let strikes = 0;

  for (let seed = 1; strikes === 0 && seed <= MOST_SEEDS; seed++) {
    const faults = planFaultsOf(kinds, seed, LENGTH_MS);
    const result = await runDay(thinned(planEc2Day(seed, LENGTH_MS)), { faults, lengthMs: LENGTH_MS });
    expect({ seed, violations: result.violations }).toEqual({ seed, violations: [] });
    strikes += result.faults.get(kind) ?? 0;
  }

  expect(strikes, FAULT_SHAPES[kind].what).toBeGreaterThan(0);
});

/** A third of the jobs finds a fault enough to strike. */
const thinned = (day: Day): Day => ({ ...day, jobs: day.jobs.filter((_, index) => index % 3 === 0) });
