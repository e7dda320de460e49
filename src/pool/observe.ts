import type { DesiredPool } from "../domain/pool.ts";
import type { ObservedPool } from "../planning/observed.ts";
import { waitingOf } from "./claim.ts";
import { modeOf } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";

/** Gathers what is known of a pool now. */
export function observePool(fleet: Fleet, desired: DesiredPool): ObservedPool {
  const { launchesPausedUntil, launchProblem } = fleet.state.notes(desired.name);
  return {
    machines: fleet.state.machines(desired.name),
    waitingLeases: waitingOf(fleet, desired.name).length,
    mode: modeOf(fleet, desired.name),
    ...{ launchesPausedUntil, launchProblem },
    headroomOverall: Math.max(0, fleet.deps.desired().maxMachines - fleet.state.machineCount()),
    reservedForOthers: 0,
    storeProblem: fleet.storeProblem,
    watchedSince: fleet.watchedSince,
  };
}
