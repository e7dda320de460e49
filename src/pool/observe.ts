import type { DesiredPool } from "../domain/pool.ts";
import { recipeOf } from "../domain/recipe.ts";
import type { ObservedPool, ObservedTier, PoolInView } from "../planning/observed.ts";
import { withoutOutdated } from "../planning/rollover.ts";
import { currentWish } from "./wish.ts";
import { modeOf } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import { observeBudget } from "./spend.ts";

/** Gathers what is known of all pools now, with what they wish for at this moment, in the order of the configuration. */
export function observePools(fleet: Fleet): PoolInView[] {
  const { pools, maxMachines } = fleet.deps.desired();
  const headroomOverall = Math.max(0, maxMachines - fleet.state.machineCount());
  return pools.map((pool) => {
    const { desired, why, changesAt } = currentWish(fleet, pool);
    return {
      desired,
      observed: { ...observePool(fleet, pool, headroomOverall), wishWhy: why, wishChangesAt: changesAt },
    };
  });
}

function observePool(fleet: Fleet, pool: DesiredPool, headroomOverall: number): ObservedPool {
  const { name } = pool;
  const { launchesPausedUntil, launchProblem } = fleet.state.notes(name);
  return {
    machines: withoutOutdated(pool, fleet.state.machines(name)),
    waitingLeases: fleet.state.waitingCount(name),
    waitingSince: fleet.state.firstWaiting(name)?.createdAt ?? Infinity,
    mode: modeOf(fleet, name),
    launchesPausedUntil,
    launchProblem,
    headroomOverall,
    reservedForOthers: 0,
    storeProblem: fleet.storeProblem || (fleet.deps.spaceProblem?.() ?? ""),
    watchedSince: fleet.watchedSince,
    budget: observeBudget(fleet, pool),
    tier: observeTier(fleet, pool),
  };
}

function observeTier({ deps, state }: Fleet, pool: DesiredPool): ObservedTier | undefined {
  if (pool.stoppedCount === undefined || deps.drivers.get(pool.shape.driver)?.power === undefined) return undefined;
  const { startsPausedUntil, stopsPausedUntil, stopProblem } = state.notes(pool.name);
  return { recipe: recipeOf(pool, deps.version ?? ""), startsPausedUntil, stopsPausedUntil, stopProblem };
}
