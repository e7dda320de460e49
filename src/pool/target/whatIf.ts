import type { EpochMs } from "../../domain/ids.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import type { ObservedBudget } from "../../planning/observed.ts";
import type { Fleet } from "../fleet.ts";
import { bootMsOf } from "./boots.ts";
import { chooseLevel } from "./level.ts";
import { stateFromPast } from "./restore.ts";
import { aimOf, windowMsOf } from "./settings.ts";

/**
 * The level that a target which is not in force would ask for now: by what the pool's planner has learnt, else by the jobs of the
 * past weeks. Changes nothing. Undefined where the pool has no target, or its planner fails.
 * @param pool with what its schedule says now
 * @param arrivals of the pool's jobs, in any order
 */
export function levelIf(
  fleet: Fleet,
  pool: DesiredPool,
  arrivals: readonly EpochMs[],
  budget: ObservedBudget | undefined,
): number | undefined {
  if (pool.target === undefined) return undefined;
  const now = fleet.deps.clock.now();
  const bootMs = bootMsOf(fleet, pool.name);
  const learnt = fleet.planners.byPool.get(pool.name)?.state;
  const state =
    learnt === undefined
      ? stateFromPast(
          windowMsOf(pool, bootMs),
          arrivals.toSorted((a, b) => a - b),
          now,
        )
      : structuredClone(learnt);
  const { decided, problem } = chooseLevel({ state, aim: aimOf(pool), last: undefined }, pool, {
    ...{ now, bootMs, budget, machines: fleet.state.machines(pool.name) },
    expected: () => fleet.planners.announced.expectedIn(pool.name, now),
  });
  return problem === "" ? decided.decision.level : undefined;
}
