import type { EpochMs } from "../../../domain/ids.ts";
import { FIRST_RATE, HOUR_MS } from "./state.ts";
import type { Season } from "./state.ts";

/** 1970 began on a Thursday. */
const MONDAY_OFFSET_HOURS = 72;
/** An hour of the week is worth so much watching of its own before it counts as much as the same hour of all days. */
const OWN_MS = 2 * HOUR_MS;
/** The same against the mean of all hours, for an hour of the day. */
const DAILY_MS = 7 * HOUR_MS;

/** Answers the hour of the week, 0-167, Monday's first in UTC. */
export const hourOfWeek = (at: EpochMs): number => (Math.floor(at / HOUR_MS) + MONDAY_OFFSET_HOURS) % 168;

/** Answers the season's rate at an instant, in jobs a millisecond: the hour of the week, shrunk to the hour of the day, and that to the mean. */
export function seasonRate({ jobs, watchedMs }: Season, at: EpochMs): number {
  const own = hourOfWeek(at);
  let [allJobs, allMs, dayJobs, dayMs] = [1, 1 / FIRST_RATE, 0, 0];
  for (let hour = 0; hour < jobs.length; hour++) {
    allJobs += jobs[hour] ?? 0;
    allMs += watchedMs[hour] ?? 0;
    if (hour % 24 !== own % 24) continue;
    dayJobs += jobs[hour] ?? 0;
    dayMs += watchedMs[hour] ?? 0;
  }
  const daily = (dayJobs + (allJobs / allMs) * DAILY_MS) / (dayMs + DAILY_MS);
  return ((jobs[own] ?? 0) + daily * OWN_MS) / ((watchedMs[own] ?? 0) + OWN_MS);
}
