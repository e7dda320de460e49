import type { EpochMs } from "../../domain/ids.ts";
import { leastLevel, leastWhere } from "./hindsight.ts";
import { shareWithin } from "./outcome.ts";
import { endsOf } from "./peak.ts";
import { DAY_MS } from "./target/state.ts";
import { tryConstant } from "./trial.ts";
import type { Trial } from "./trial.ts";

/*
 * How many machines a pool needs is another question than how many of them stand idle: here job lengths count. The answer is
 * read off the recorded jobs themselves, served without any limit: what a queueing formula would say of a steady stream, real
 * windows say of a real one.
 */

/** Machines that recorded jobs would have taken, had no limit bound. */
export interface Sizing {
  /** The constant level of idle machines that serves the goal, beside the machines at work. */
  readonly level: number;
  /** The most machines at one time of each day in UTC, in order of time. */
  readonly peaks: readonly DayPeak[];
  /** The least limit on machines with which the goal is reached at that level; the highest peak where only no limit at all will do. */
  readonly leastMachines: number;
}

/** One day's peak. */
export interface DayPeak {
  /** Midnight in UTC. */
  readonly day: EpochMs;
  readonly machines: number;
  readonly isWeekday: boolean;
}

/** What a limit on machines does. */
export interface LimitEffect {
  readonly machines: number;
  /** Days, and weekdays, on which more were wanted. */
  readonly daysHit: number;
  readonly weekdaysHit: number;
  /** The share of jobs in time when so many are kept ready as the limit allows: more idle machines cannot help beyond it. */
  readonly bestShare: number;
}

/** Sizes a pool by jobs that were recorded. */
export function sizePool(trial: Trial): Sizing {
  const level = leastLevel(trial);
  const free = withMachines(trial, Infinity);
  const { outcome } = tryConstant(free, level);
  const peaks = dayPeaks(trial, level, outcome.waitMs);
  const reaches = (machines: number): boolean => shareAt(trial, level, machines) >= trial.share;
  return { level, peaks, leastMachines: leastWhere(Math.max(0, level - 1), outcome.peakMachines, reaches) };
}

/** Tells what a limit does to jobs that were sized without one. `machines` ≥ 1. */
export function effectOf(trial: Trial, { peaks }: Sizing, machines: number): LimitEffect {
  const hit = peaks.filter((peak) => peak.machines > machines);
  return {
    machines,
    daysHit: hit.length,
    weekdaysHit: hit.filter(({ isWeekday }) => isWeekday).length,
    bestShare: shareAt(trial, machines, machines),
  };
}

/** The peak that so large a share (0-1) of the days does not pass. 0 without days. */
export function peakQuantile(peaks: readonly DayPeak[], share: number): number {
  const sorted = peaks.map(({ machines }) => machines).sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

const shareAt = (trial: Trial, level: number, machines: number): number =>
  shareWithin(tryConstant(withMachines(trial, machines), level).outcome.waitMs, trial.waitMs);

const withMachines = (trial: Trial, maxMachines: number): Trial => ({
  ...trial,
  limits: { ...trial.limits, maxMachines, maxGrowthRate: Infinity },
});

/** At each moment a job that waits or runs has a machine, on its way or its own, beside those of the level. */
function dayPeaks({ arrivals, from, to }: Trial, level: number, waitMs: Float64Array): DayPeak[] {
  const { readyAt } = arrivals;
  const ends = endsOf(arrivals, waitMs);
  const peaks: DayPeak[] = [];
  let [started, ended] = [0, 0];
  const presentAt = (at: EpochMs): number => {
    while ((ends[ended] ?? Infinity) <= at) ended += 1;
    return started - ended;
  };
  for (let day = Math.floor(from / DAY_MS) * DAY_MS; day < to; day += DAY_MS) {
    let most = presentAt(day);
    for (let at = readyAt[started]; at !== undefined && at < day + DAY_MS; at = readyAt[started]) {
      started += 1;
      most = Math.max(most, presentAt(at));
    }
    // 1970 began on a Thursday.
    peaks.push({ day, machines: level + most, isWeekday: (Math.floor(day / DAY_MS) + 3) % 7 < 5 });
  }
  return peaks;
}
