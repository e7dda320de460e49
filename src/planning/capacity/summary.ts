import type { Outcome } from "./outcome.ts";
import { shareWithin } from "./outcome.ts";
import { waitQuantilesOf } from "./waits.ts";
import type { WaitQuantiles } from "./waits.ts";

const HOUR_MS = 3_600_000;

/** What a policy did to a stretch of arrivals, in the figures that people compare. */
export interface Summary extends WaitQuantiles {
  readonly jobs: number;
  /** Jobs that waited no longer than the target, 0-1. */
  readonly share: number;
  readonly meanWaitMs: number;
  /** Machine-hours. Those of boots that served nobody are a part of `bootingHours`. */
  readonly idleHours: number;
  readonly bootingHours: number;
  readonly busyHours: number;
  readonly wastedBootHours: number;
  /** The most machines at one time. */
  readonly peakMachines: number;
  /** All machine time at the price, in US dollars; absent without one. */
  readonly costUsd?: number | undefined;
}

/** Sums an outcome up. `usdPerHour` is what one machine costs in whatever state. */
export function summarize(outcome: Outcome, targetWaitMs: number, usdPerHour: number | undefined): Summary {
  const { jobs, waitMs, peakMachines } = outcome;
  const positive = waitMs.filter((wait) => wait > 0);
  const [idleHours, bootingHours, busyHours, wastedBootHours] = [
    outcome.idleMs / HOUR_MS,
    outcome.bootingMs / HOUR_MS,
    outcome.busyMs / HOUR_MS,
    outcome.wastedBootMs / HOUR_MS,
  ];
  return {
    jobs,
    share: shareWithin(waitMs, targetWaitMs),
    meanWaitMs: positive.reduce((sum, wait) => sum + wait, 0) / Math.max(1, jobs),
    ...waitQuantilesOf(positive, jobs),
    ...{ idleHours, bootingHours, busyHours, wastedBootHours, peakMachines },
    ...(usdPerHour !== undefined && { costUsd: (idleHours + bootingHours + busyHours) * usdPerHour }),
  };
}
