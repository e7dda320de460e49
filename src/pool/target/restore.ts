import type { EpochMs } from "../../domain/ids.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import { observeArrival, observeTime } from "../../planning/capacity/target/observe.ts";
import { createTargetState, DAY_MS } from "../../planning/capacity/target/state.ts";
import type { TargetState } from "../../planning/capacity/target/state.ts";
import type { Fleet } from "../fleet.ts";
import { plannedBootMs } from "./boots.ts";
import { memoryFrom } from "./memory.ts";
import type { PoolMemory } from "./memory.ts";
import { skipTime } from "./planner.ts";
import type { PoolPlanner } from "./planner.ts";
import { aimOf, windowMsOf } from "./settings.ts";

/** Leases that are read of the past. */
const PAST_LEASES = 10_000;
/** So much of the past is replayed where no memory was kept: what is older hardly counts any more. */
const PAST_MS = 28 * DAY_MS;
/** A manager that was away for longer has missed what came meanwhile. */
const AWAY_MS = 10 * 60_000;

const isNew = ({ planners }: Fleet, { name, target }: DesiredPool): boolean =>
  target !== undefined && !planners.byPool.has(name);

/** Tells whether a pool has come to have a target. */
export const isAnyPlannerMissing = (fleet: Fleet): boolean =>
  fleet.deps.desired().pools.some((pool) => isNew(fleet, pool));

/** Makes the planners of pools that have come to have a target: from what was kept of them, or from the jobs of the past weeks. */
export async function restorePlanners(fleet: Fleet): Promise<void> {
  const { store, clock, logger } = fleet.deps;
  // What is committed meanwhile is not learnt twice, or never.
  await fleet.decide(async () => {
    const leases = await store.recentLeases(PAST_LEASES);
    for (const pool of fleet.deps.desired().pools.filter((one) => isNew(fleet, one))) {
      const text = await store.poolMemory(pool.name);
      const now = clock.now();
      const memory = text === undefined ? undefined : memoryFrom(text, now);
      if (text !== undefined && memory === undefined)
        logger.warn(
          { poolName: pool.name },
          "what the planner had learnt cannot be read, it learns anew from past jobs",
        );
      const arrivals = leases.filter(({ poolName }) => poolName === pool.name).map(({ createdAt }) => createdAt);
      if (memory !== undefined) fleet.planners.keepBoots(pool.name, memory.boots);
      fleet.planners.byPool.set(
        pool.name,
        plannerFrom(
          fleet,
          pool,
          memory,
          arrivals.sort((a, b) => a - b),
          now,
        ),
      );
      logger.info({ poolName: pool.name, isKept: memory !== undefined, arrivals: arrivals.length }, "planner begins");
    }
  });
}

function plannerFrom(
  fleet: Fleet,
  pool: DesiredPool,
  memory: PoolMemory | undefined,
  arrivals: readonly EpochMs[],
  now: EpochMs,
): PoolPlanner {
  const windowMs = windowMsOf(pool, plannedBootMs(fleet.planners.bootsOf(pool.name)));
  return {
    state: memory === undefined ? stateFromPast(windowMs, arrivals, now) : stateFromMemory(memory, arrivals, now),
    aim: aimOf(pool),
    ...{ last: undefined, recordedLevel: undefined, savedAt: now, problem: "", problemSince: now },
  };
}

/** Goes on from what was kept, with the jobs that came after it was written. */
function stateFromMemory({ state, at }: PoolMemory, arrivals: readonly EpochMs[], now: EpochMs): TargetState {
  let seenUntil = at;
  for (const arrival of arrivals.filter((one) => one > at && one <= now)) {
    observeArrival(state, arrival);
    seenUntil = arrival;
  }
  if (now - seenUntil > AWAY_MS) skipTime(state, now);
  else observeTime(state, now);
  return state;
}

/** Learns from the jobs of the past weeks as if it had been there. @param arrivals oldest first */
export function stateFromPast(windowMs: number, arrivals: readonly EpochMs[], now: EpochMs): TargetState {
  const past = arrivals.filter((at) => at >= now - PAST_MS && at <= now);
  const state = createTargetState(past[0] ?? now, windowMs);
  for (const at of past) observeArrival(state, at);
  observeTime(state, now);
  return state;
}
