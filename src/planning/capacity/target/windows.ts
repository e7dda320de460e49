import { BUCKETS } from "./state.ts";
import type { WindowTables } from "./state.ts";

/*
 * A job n is served in time at level S when fewer than S others came in the window before it. So the tables keep, for every
 * forecast that was made, what the real windows after it held: by jobs (what a job finds before it, which is what is promised)
 * and by clock (how likely a machine stands idle). Both are real windows with their bursts and batches; a clock-time quantile
 * or a Poisson law would miss those.
 */

const BUCKETS_PER_E = 4;
const ZERO_BUCKET = (BUCKETS - 1) / 2;
/** Fuller windows are counted as this full. */
const MAX_HELD = 4095;

/** Answers the place of a forecast of `jobs` a window among the buckets, 0..BUCKETS-1, a fraction between two. */
export const placeOf = (jobs: number): number =>
  Math.min(BUCKETS - 1, Math.max(0, Math.log(jobs) * BUCKETS_PER_E + ZERO_BUCKET));

/** Answers the forecast, in jobs a window, in the middle of a bucket. */
export const forecastOf = (bucket: number): number => Math.exp((bucket - ZERO_BUCKET) / BUCKETS_PER_E);

/** Counts one window, or what one job found in its own, in the bucket of the forecast made before it. */
export function countWindow(table: WindowTables[keyof WindowTables], forecastJobs: number, held: number): void {
  const counts = table[Math.round(placeOf(forecastJobs))] ?? [];
  const place = Math.min(MAX_HELD, held);
  while (counts.length <= place) counts.push(0);
  counts[place] = (counts[place] ?? 0) + 1;
}

/** Lets all counts fade by a factor in (0, 1]. */
export function fadeTables(tables: WindowTables, factor: number): void {
  for (const counts of [...tables.jobs, ...tables.minutes]) {
    for (let n = 0; n < counts.length; n++) counts[n] = (counts[n] ?? 0) * factor;
  }
}
