import type { DesiredPool } from "../domain/pool.ts";
import type { ObservedPool, PoolInView } from "../planning/observed.ts";
import { modeOf } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";

/** Gathers what is known of all pools now, in the order of the configuration. */
export function observePools(fleet: Fleet): PoolInView[] {
  const { pools, maxMachines } = fleet.deps.desired();
  const headroomOverall = Math.max(0, maxMachines - fleet.state.machineCount());
  return pools.map((desired) => ({ desired, observed: observePool(fleet, desired, headroomOverall) }));
}

function observePool(fleet: Fleet, { name }: DesiredPool, headroomOverall: number): ObservedPool {
  const { launchesPausedUntil, launchProblem } = fleet.state.notes(name);
  return {
    machines: fleet.state.machines(name),
    waitingLeases: fleet.state.waitingCount(name),
    waitingSince: fleet.state.firstWaiting(name)?.createdAt ?? Infinity,
    mode: modeOf(fleet, name),
    launchesPausedUntil,
    launchProblem,
    headroomOverall,
    reservedForOthers: 0,
    storeProblem: fleet.storeProblem || (fleet.deps.spaceProblem?.() ?? ""),
    watchedSince: fleet.watchedSince,
  };
}
