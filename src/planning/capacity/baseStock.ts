import type { EpochMs } from "../../domain/ids.ts";
import type { Arrivals } from "./arrivals.ts";
import type { Outcome } from "./outcome.ts";

/*
 * One job takes one fresh machine and orders one: the idle pool is a base-stock inventory. With a constant level S and a
 * boot time B, job n gets the machine that job n - S ordered, so its wait is max(0, a[n-S] + B - a[n]). How long jobs run
 * does not matter, as long as no limit on machines binds.
 */

/** The exact outcome of a constant level (an integer ≥ 0) and a fixed boot time over [from, to). The first `level` machines stand ready at `from`. */
export function replayConstantLevel(
  arrivals: Arrivals,
  level: number,
  bootMs: number,
  from: EpochMs,
  to: EpochMs,
): Omit<Outcome, "peakMachines"> {
  const { readyAt, durationMs } = arrivals;
  const jobs = readyAt.length;
  const waitMs = new Float64Array(jobs);
  let [idleMs, bootingMs, busyMs] = [0, 0, 0];
  for (let n = 0; n < jobs; n++) {
    const at = readyAt[n] ?? 0;
    const machineReadyAt = n < level ? from : (readyAt[n - level] ?? 0) + bootMs;
    const wait = Math.max(0, machineReadyAt - at);
    waitMs[n] = wait;
    idleMs += Math.max(0, at - machineReadyAt);
    // What is on its way when the stretch ends counts as far as it came.
    bootingMs += Math.min(bootMs, to - at);
    busyMs += Math.min(durationMs[n] ?? 0, Math.max(0, to - at - wait));
  }
  for (let n = jobs - level; n < jobs; n++) {
    idleMs += n < 0 ? to - from : Math.max(0, to - (readyAt[n] ?? 0) - bootMs);
  }
  return { jobs, from, to, waitMs, idleMs, bootingMs, busyMs, wastedBootMs: 0 };
}

/** One constant level: how many jobs it serves in time, and what it costs. */
export interface LevelPoint {
  readonly level: number;
  /** 0-1. */
  readonly share: number;
  readonly idleMs: number;
}

/** Every constant level from 0 to `maxLevel`: its share of waits ≤ `waitMs`, its idle time. Linear in jobs × levels. */
export function levelPoints(
  readyAt: Float64Array,
  maxLevel: number,
  bootMs: number,
  waitMs: number,
  from: EpochMs,
  to: EpochMs,
): LevelPoint[] {
  return Array.from({ length: maxLevel + 1 }, (_, level) => levelPoint(readyAt, level, bootMs, waitMs, from, to));
}

function levelPoint(
  readyAt: Float64Array,
  level: number,
  bootMs: number,
  waitMs: number,
  from: EpochMs,
  to: EpochMs,
): LevelPoint {
  const jobs = readyAt.length;
  const first = Math.min(level, jobs);
  let within = first;
  let idleMs = (level - first) * (to - from);
  for (let n = 0; n < first; n++) idleMs += (readyAt[n] ?? 0) - from;
  for (let n = level; n < jobs; n++) {
    const slackMs = (readyAt[n] ?? 0) - (readyAt[n - level] ?? 0) - bootMs;
    if (-slackMs <= waitMs) within += 1;
    if (slackMs > 0) idleMs += slackMs;
  }
  for (let n = jobs - first; n < jobs; n++) idleMs += Math.max(0, to - (readyAt[n] ?? 0) - bootMs);
  return { level, share: jobs === 0 ? 1 : within / jobs, idleMs };
}
