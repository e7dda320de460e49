import type { DesiredPool } from "../../domain/pool.ts";
import { policyFrom, tryAsked } from "../../planning/capacity/asked.ts";
import type { AskedPolicy, Watch } from "../../planning/capacity/asked.ts";
import { expectedUsdPerHour } from "../../planning/cost/daySpend.ts";
import type { Limits, Trial, Tried } from "../../planning/capacity/trial.ts";
import { replayLoop } from "../../simulation/trace/replay.ts";

/** As good as none for what counts machines or milliseconds. */
const NO_LIMIT = 1e12;

/** Says what of a policy the loop alone can decide; empty where the planner's rules know all of it. */
export function loopOnly(asked: AskedPolicy): string {
  if (asked.kind !== "pool") return "";
  const { budgetUsdPerDay, target } = asked.pool;
  const names = [
    ...(budgetUsdPerDay === undefined ? [] : ["budget_per_day"]),
    ...(target?.waitUsdPerMinute === undefined ? [] : ["target.wait_price"]),
  ];
  return names.join(" and ");
}

/**
 * Tries a policy by the manager's own control loop under a virtual clock.
 * @param watch absent where nobody looks at the levels
 * @throws the signal's reason
 */
export async function tryInLoop(
  trial: Trial,
  asked: AskedPolicy,
  watch: Watch | undefined,
  onFraction: (fraction: number) => void,
  signal: AbortSignal,
): Promise<Tried> {
  const { arrivals, from, to, bootMsOf, before } = trial;
  const { policy, limits } = policyFrom(trial, asked);
  const pool = loopPool(limits, asked);
  // What the loop itself can decide is left to it. Then nobody asks the policy, and the rules' levels stand for the loop's.
  const isOwn = asked.kind !== "target";
  const settings = {
    from,
    to,
    bootMsOf,
    before,
    pool,
    onFraction,
    ...(!isOwn && { policy: watch?.(policy) ?? policy }),
  };
  const outcome = await replayLoop(arrivals, settings, signal);
  if (isOwn && watch !== undefined) tryAsked(trial, asked, watch);
  return { outcome, engine: "loop" };
}

/** A pool whose jobs are never too long, and whose machines never too old, but where a config says so. */
function loopPool({ maxMachines, maxGrowthRate, idleTimeMs }: Limits, asked: AskedPolicy): DesiredPool {
  if (asked.kind === "pool") {
    // A job that ran for longer than job_timeout is on record: it had to end at another time.
    const { pool } = asked;
    // Its price goes with its shape, so it is said as a price of its own.
    const usdPerHour = expectedUsdPerHour(pool, []);
    const cost = usdPerHour === undefined ? pool.cost : { ...pool.cost, usdPerHour };
    return { ...pool, cost, shape: { driver: "simulated" }, stoppedCount: undefined, jobTimeoutMs: NO_LIMIT };
  }
  return {
    ...{ name: "replayed", idleCount: 0, ...wishOf(asked) },
    maxMachines: Math.min(maxMachines, NO_LIMIT),
    maxGrowthRate: Math.min(maxGrowthRate, NO_LIMIT),
    idleTimeMs,
    ...{ maxAgeMs: NO_LIMIT, bootTimeoutMs: NO_LIMIT, jobTimeoutMs: NO_LIMIT, orphanTimeoutMs: NO_LIMIT },
    guest: { user: "runner", docker: "none", dataRoot: "/var/lib/docker" },
    shape: { driver: "simulated" },
  };
}

function wishOf(asked: AskedPolicy): Partial<DesiredPool> {
  if (asked.kind === "static") return { idleCount: asked.level };
  if (asked.kind !== "scale_factor") return {};
  const idleCountMax = Math.min(asked.max, NO_LIMIT);
  return { idleCount: idleCountMax, idleScaleFactor: asked.factor, idleCountMin: asked.min, idleCountMax };
}
