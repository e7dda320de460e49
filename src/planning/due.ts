import type { EpochMs } from "../domain/ids.ts";
import type { DesiredPool } from "../domain/pool.ts";
import { leasableMachines } from "./observed.ts";
import type { ObservedPool } from "./observed.ts";
import { overdueAt, surplusCount } from "./retire.ts";

/** The next instant, after `now`, at which the plan of a pool may change by the passing of time alone; Infinity for never. */
export function nextDueAt(desired: DesiredPool, observed: ObservedPool, now: EpochMs): EpochMs {
  const overdue = observed.machines.map((machine) => overdueAt(desired, machine, observed.watchedSince) ?? Infinity);
  const idleEnds =
    surplusCount(desired, observed) > 0
      ? leasableMachines(observed.machines).map((machine) => machine.idleSince + desired.idleTimeMs + 1)
      : [];
  return earliestAfter(now, [...overdue, ...idleEnds, observed.launchesPausedUntil]);
}

/** The first of some instants that is still to come; Infinity when none is. */
export const earliestAfter = (now: EpochMs, instants: Iterable<EpochMs>): EpochMs => {
  let first = Infinity;
  for (const at of instants) if (at > now && at < first) first = at;
  return first;
};
