import type { Arrivals } from "./arrivals.ts";

/** The most of some spans that last at one time. Both lists are in order of time and of equal length; an end frees its place before a start. */
export function mostAtOnce(starts: Float64Array, ends: Float64Array): number {
  let [ended, most] = [0, 0];
  for (let started = 0; started < starts.length; started++) {
    while ((ends[ended] ?? Infinity) <= (starts[started] ?? 0)) ended += 1;
    most = Math.max(most, started + 1 - ended);
  }
  return most;
}

/** By less than this, in milliseconds, two moments of our days do not differ in a float. */
const LEAST_MS = 2 ** -12;

/** When the jobs leave their machines, in order of time. A job that takes no time has a machine all the same. */
export const endsOf = ({ readyAt, durationMs }: Arrivals, waitMs: Float64Array): Float64Array =>
  readyAt.map((at, n) => at + Math.max(LEAST_MS, (waitMs[n] ?? 0) + (durationMs[n] ?? 0))).sort();

/** The most machines at one time under a constant level without limits: those that are kept, and one for each job that waits or runs. */
export const peakOfConstantLevel = (arrivals: Arrivals, level: number, waitMs: Float64Array): number =>
  level + mostAtOnce(arrivals.readyAt, endsOf(arrivals, waitMs));
