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

const FIRST_DAILY = 168;
const ALL = FIRST_DAILY + 24;

/** Counts jobs, or milliseconds watched, in the hour of an instant. */
export function countSeason(counts: Season[keyof Season], at: EpochMs, amount: number): void {
  const own = hourOfWeek(at);
  for (const place of [own, FIRST_DAILY + (own % 24), ALL]) counts[place] = (counts[place] ?? 0) + amount;
}

/** Answers the season's rate at an instant, in jobs a millisecond: the hour of the week, shrunk to the hour of the day, and that to the mean. */
export function seasonRate({ jobs, watchedMs }: Season, at: EpochMs): number {
  const own = hourOfWeek(at);
  const daily = FIRST_DAILY + (own % 24);
  const mean = ((jobs[ALL] ?? 0) + 1) / ((watchedMs[ALL] ?? 0) + 1 / FIRST_RATE);
  const dailyRate = ((jobs[daily] ?? 0) + mean * DAILY_MS) / ((watchedMs[daily] ?? 0) + DAILY_MS);
  return ((jobs[own] ?? 0) + dailyRate * OWN_MS) / ((watchedMs[own] ?? 0) + OWN_MS);
}
