import type { EpochMs } from "../domain/ids.ts";
import type { DesiredPool } from "../domain/pool.ts";
import type { ObservedPool } from "./observed.ts";
import { overdueAt, surplusCount, surplusEndAt } from "./retire.ts";

/** The next instant, after `now`, at which the plan of a pool may change by the passing of time alone; Infinity for never. */
export function nextDueAt(desired: DesiredPool, observed: ObservedPool, now: EpochMs): EpochMs {
  const isSurplus = surplusCount(desired, observed, now) > 0;
  const { startsPausedUntil = 0, stopsPausedUntil = 0 } = observed.tier ?? {};
  const { wishChangesAt = Infinity } = observed;
  let first = earliestAfter(now, [observed.launchesPausedUntil, startsPausedUntil, stopsPausedUntil, wishChangesAt]);
  for (const machine of observed.machines) {
    const dueAt = overdueAt(desired, machine, observed.watchedSince);
    if (dueAt !== undefined && dueAt > now && dueAt < first) first = dueAt;
    if (!isSurplus || machine.state !== "idle" || machine.isCordoned) continue;
    const idleEndAt = surplusEndAt(desired, machine);
    if (idleEndAt > now && idleEndAt < first) first = idleEndAt;
  }
  return first;
}

/** The first of some instants that is still to come; Infinity when none is. */
export const earliestAfter = (now: EpochMs, instants: Iterable<EpochMs>): EpochMs => {
  let first = Infinity;
  for (const at of instants) if (at > now && at < first) first = at;
  return first;
};
