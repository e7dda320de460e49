import type { Lease } from "../../domain/lease.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import type { PromiseView } from "../../ports/explain.ts";
import type { PoolPlanner } from "./planner.ts";
import { isLimited } from "./planner.ts";

/**
 * Holds what a pool's target promises against what its last jobs got, by the wait that is promised now. Jobs that waited for a limit
 * are told apart: no level would have helped them. Undefined without a target.
 * @param leases the last ones of all pools
 */
export function promiseOf(
  { name, target }: DesiredPool,
  planner: PoolPlanner | undefined,
  leases: readonly Lease[],
): PromiseView | undefined {
  if (target === undefined) return undefined;
  let [jobs, inTime, limited] = [0, 0, 0];
  for (const lease of leases) {
    if (lease.poolName !== name || lease.state === "waiting" || lease.heldSince === undefined) continue;
    if (isLimited(lease.waitedMs)) limited += 1;
    else jobs += 1;
    if (!isLimited(lease.waitedMs) && lease.heldSince - lease.createdAt <= target.waitMs) inTime += 1;
  }
  return {
    ...{ waitMs: target.waitMs, share: target.share, jobs, limitedJobs: limited },
    attainedShare: jobs === 0 ? undefined : inTime / jobs,
    priceFactor: planner === undefined ? undefined : Math.exp(planner.state.correction),
  };
}
