import type { EpochMs } from "../../domain/ids.ts";
import type { Arrivals } from "./arrivals.ts";
import type { Outcome } from "./outcome.ts";
import { waitQuantilesOf } from "./waits.ts";
import type { WaitQuantiles } from "./waits.ts";

/*
 * One job takes one fresh machine and orders one: the idle pool is a base-stock inventory. The queue is served in order, so
 * with a constant level S job n gets the machine that comes ready as the (n - S)-th: its wait is max(0, ready[n-S] - a[n]).
 * With a fixed boot time B that is the machine job n - S ordered, ready at a[n-S] + B; with boot times that differ machines
 * overtake each other, and the list of ready times is sorted, once for all levels. How long jobs run does not matter, as
 * long as no limit on machines binds.
 */

/** When the machines that arrivals order come ready, earliest first. `bootMsOf` gives the boot time of the n-th ordered, in milliseconds. */
export function machineReadyTimes(readyAt: Float64Array, bootMsOf: (order: number) => number): Float64Array {
  const times = readyAt.map((at, order) => at + bootMsOf(order));
  const isSorted = times.every((at, index) => index === 0 || at >= (times[index - 1] ?? at));
  return isSorted ? times : times.sort();
}

/** The exact outcome of a constant level (an integer ≥ 0) over [from, to). The first `level` machines stand ready at `from`. */
export function replayConstantLevel(
  arrivals: Arrivals,
  level: number,
  bootMsOf: (order: number) => number,
  from: EpochMs,
  to: EpochMs,
): Omit<Outcome, "peakMachines"> {
  const { readyAt, durationMs } = arrivals;
  const machineReadyAt = machineReadyTimes(readyAt, bootMsOf);
  const jobs = readyAt.length;
  const waitMs = new Float64Array(jobs);
  let [idleMs, bootingMs, busyMs] = [0, 0, 0];
  for (let n = 0; n < jobs; n++) {
    const at = readyAt[n] ?? 0;
    const machineAt = n < level ? from : (machineReadyAt[n - level] ?? 0);
    const wait = Math.max(0, machineAt - at);
    waitMs[n] = wait;
    idleMs += Math.max(0, at - machineAt);
    // What is on its way when the stretch ends counts as far as it came.
    bootingMs += Math.min(bootMsOf(n), to - at);
    busyMs += Math.min(durationMs[n] ?? 0, Math.max(0, to - at - wait));
  }
  for (let n = jobs - level; n < jobs; n++) idleMs += Math.max(0, to - (n < 0 ? from : (machineReadyAt[n] ?? 0)));
  return { jobs, from, to, waitMs, idleMs, bootingMs, busyMs, wastedBootMs: 0 };
}

/** One constant level: how many jobs it serves in time, how long they wait, and what it costs. */
export interface LevelPoint extends WaitQuantiles {
  readonly level: number;
  /** The job-weighted fill rate: the share of jobs, not of clock time, that waited no longer than the target. 0-1. */
  readonly share: number;
  /** Machine time of idle machines, in milliseconds. */
  readonly idleMs: number;
}

/** What levels are measured on. */
export interface LevelStretch {
  /** Epoch milliseconds, oldest first. */
  readonly readyAt: Float64Array;
  /** As `machineReadyTimes` gives it. */
  readonly machineReadyAt: Float64Array;
  readonly from: EpochMs;
  readonly to: EpochMs;
}

/** Every constant level from 0 to `maxLevel`: its share of waits ≤ `targetWaitMs`, its waits and idle time. Linear in jobs × levels. */
export function levelPoints(stretch: LevelStretch, maxLevel: number, targetWaitMs: number): LevelPoint[] {
  return Array.from({ length: maxLevel + 1 }, (_, level) => levelPoint(stretch, level, targetWaitMs));
}

/** One constant level (an integer ≥ 0): its share of waits ≤ `targetWaitMs`, its waits and idle time. Linear in jobs. */
export function levelPoint(stretch: LevelStretch, level: number, targetWaitMs: number): LevelPoint {
  const { readyAt, machineReadyAt, from, to } = stretch;
  const jobs = readyAt.length;
  const first = Math.min(level, jobs);
  const waits = new Float64Array(jobs - first);
  let within = first;
  let waiting = 0;
  let idleMs = (level - first) * (to - from);
  for (let n = 0; n < first; n++) idleMs += (readyAt[n] ?? 0) - from;
  for (let n = first; n < jobs; n++) {
    const lateMs = (machineReadyAt[n - first] ?? 0) - (readyAt[n] ?? 0);
    if (lateMs <= targetWaitMs) within += 1;
    if (lateMs > 0) waits[waiting++] = lateMs;
    else idleMs -= lateMs;
  }
  for (let n = jobs - first; n < jobs; n++) idleMs += Math.max(0, to - (machineReadyAt[n] ?? 0));
  return { level, share: jobs === 0 ? 1 : within / jobs, idleMs, ...waitQuantilesOf(waits.subarray(0, waiting), jobs) };
}
