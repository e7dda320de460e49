import type { EpochMs } from "../../domain/ids.ts";

/** What a policy did to a stretch of arrivals. Machine time is in milliseconds. */
export interface Outcome {
  readonly jobs: number;
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** How long each job waited, in the order of arrival. */
  readonly waitMs: Float64Array;
  readonly idleMs: number;
  readonly bootingMs: number;
  readonly busyMs: number;
  /** Boot time of machines that were retired without a job, part of `bootingMs`. */
  readonly wastedBootMs: number;
  /** The most machines at one time, in any state. */
  readonly peakMachines: number;
}

/** The longest wait, in milliseconds; 0 without jobs. */
export const longestOf = (waitMs: Float64Array): number => waitMs.reduce((most, wait) => Math.max(most, wait), 0);

/** The share of jobs that waited no longer than `targetWaitMs`, 0-1; 1 without jobs. */
export function shareWithin(waitMs: Float64Array, targetWaitMs: number): number {
  let within = 0;
  for (const wait of waitMs) if (wait <= targetWaitMs) within += 1;
  return waitMs.length === 0 ? 1 : within / waitMs.length;
}
