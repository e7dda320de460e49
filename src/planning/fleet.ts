import type { EpochMs } from "../domain/ids.ts";
import { planEvictions } from "./evict.ts";
import { unmetDemand } from "./observed.ts";
import type { PoolInView } from "./observed.ts";
import { planPool } from "./plan.ts";
import type { Action } from "./plan.ts";

/**
 * Decides the actions of all pools together. Pure; an empty plan means converged. Headroom over all pools goes first to where
 * somebody has waited for the longest, and to idle counts only when nobody waits for it.
 *
 * INVARIANTS
 * - All launches of one plan together keep to the limit over all pools.
 * - At most one action is about a machine.
 */
export function planFleet(pools: readonly PoolInView[], now: EpochMs): Action[] {
  const unmetOf = ({ desired, observed }: PoolInView): number => unmetDemand(desired, observed, now);
  let reserved = pools.reduce((sum, pool) => sum + unmetOf(pool), 0);
  let launched = 0;
  const actions = byUrgency(pools).flatMap((pool) => {
    const { desired, observed } = pool;
    const unmet = unmetOf(pool);
    const headroomOverall = Math.max(0, observed.headroomOverall - launched);
    const planned = planPool(desired, { ...observed, headroomOverall, reservedForOthers: reserved - unmet }, now);
    const count = planned.reduce((sum, action) => sum + (action.kind === "launch" ? action.count : 0), 0);
    launched += count;
    reserved -= Math.min(unmet, count);
    return planned;
  });
  const taken = new Set(actions.flatMap((action) => (action.kind === "launch" ? [] : [action.machineId])));
  return [...actions, ...planEvictions(pools, now).filter(({ machineId }) => !taken.has(machineId))];
}

function byUrgency(pools: readonly PoolInView[]): PoolInView[] {
  const since = ({ observed }: PoolInView): EpochMs => observed.waitingSince;
  // Not by subtraction: Infinity less itself is no number.
  return pools.toSorted((a, b) => (since(a) === since(b) ? 0 : since(a) < since(b) ? -1 : 1));
}
