import type { EpochMs } from "../domain/ids.ts";
import type { DesiredPool } from "../domain/pool.ts";
import { leasableMachines } from "./observed.ts";
import type { ObservedPool } from "./observed.ts";
import { firstOverdueAt, overdueAt, surplusCount, surplusEndAt } from "./retire.ts";

/** The next instant, after `now`, at which the plan of a pool may change by the passing of time alone; Infinity for never. */
export function nextDueAt(desired: DesiredPool, observed: ObservedPool, now: EpochMs): EpochMs {
  const isSurplus = surplusCount(desired, observed, now) > 0;
  const { startsPausedUntil = 0, stopsPausedUntil = 0 } = observed.tier ?? {};
  const { wishChangesAt = Infinity } = observed;
  let first = earliestAfter(now, [observed.launchesPausedUntil, startsPausedUntil, stopsPausedUntil, wishChangesAt]);
  const consider = (at: EpochMs): void => {
    if (at > now && at < first) first = at;
  };
  const { machines, watchedSince } = observed;
  const overdueFrom = firstOverdueAt(desired, machines, watchedSince);
  consider(overdueFrom);
  // Those whose time is over are not all: the next of them is due as well.
  if (overdueFrom <= now)
    for (const machine of machines) consider(overdueAt(desired, machine, watchedSince) ?? Infinity);
  if (isSurplus) for (const machine of leasableMachines(machines)) consider(surplusEndAt(desired, machine));
  return first;
}

/** The first of some instants that is still to come; Infinity when none is. */
export const earliestAfter = (now: EpochMs, instants: Iterable<EpochMs>): EpochMs => {
  let first = Infinity;
  for (const at of instants) if (at > now && at < first) first = at;
  return first;
};
