import type { EpochMs } from "../../domain/ids.ts";
import type { Arrivals } from "./arrivals.ts";
import { machineReadyTimes, replayConstantLevel } from "./baseStock.ts";
import type { Outcome } from "./outcome.ts";
import { mostAtOnce, peakOfConstantLevel } from "./peak.ts";
import type { LevelPolicy } from "./replay.ts";
import { replayLevels } from "./replay.ts";

/** What policies are tried on, and how they are judged. */
export interface Trial {
  readonly arrivals: Arrivals;
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** Jobs that came before the stretch: what a policy may have learnt from. Oldest first. */
  readonly before: Float64Array;
  /** Boot time of the n-th machine ordered, in milliseconds. */
  readonly bootMsOf: (order: number) => number;
  /** The boot time that is planned for, in milliseconds, > 0. */
  readonly bootMs: number;
  /** A job is in time when it waited no longer, in milliseconds, ≥ 0. */
  readonly waitMs: number;
  /** Share of jobs that shall be in time, in (0, 1). */
  readonly share: number;
  readonly limits: Limits;
}

/** What bounds a pool. */
export interface Limits {
  /** Machines in any state, ≥ 1; Infinity for no limit. */
  readonly maxMachines: number;
  /** Machines that boot at once, ≥ 1; Infinity for no limit. */
  readonly maxGrowthRate: number;
  /** A surplus machine is retired when it has been idle for longer, in milliseconds. */
  readonly idleTimeMs: number;
}

/** How an outcome was reached: exactly by formula, by the planner's rules from event to event, or by the control loop itself. */
export type Engine = "closed form" | "rules" | "loop";

/** An outcome and how it was reached. */
export interface Tried {
  readonly outcome: Outcome;
  readonly engine: Engine;
}

/** Replays a policy that may change its level at any time by the planner's rules. @param stepMs how often it is asked though nothing happens */
export function tryPolicy({ arrivals, from, to, bootMsOf, limits }: Trial, policy: LevelPolicy, stepMs: number): Tried {
  return { outcome: replayLevels(arrivals, policy, { from, to, bootMsOf, ...limits, stepMs }), engine: "rules" };
}

/** Replays a constant level (an integer ≥ 0): by closed form where no limit binds, else by the planner's rules. */
export function tryConstant(trial: Trial, level: number): Tried {
  const { arrivals, from, to, bootMsOf, limits } = trial;
  const { readyAt } = arrivals;
  const outcome = replayConstantLevel(arrivals, level, bootMsOf, from, to);
  const peakMachines = peakOfConstantLevel(arrivals, level, outcome.waitMs);
  const isFree =
    peakMachines <= limits.maxMachines &&
    (limits.maxGrowthRate === Infinity ||
      mostAtOnce(readyAt, machineReadyTimes(readyAt, bootMsOf)) <= limits.maxGrowthRate);
  if (isFree) return { outcome: { ...outcome, peakMachines }, engine: "closed form" };
  return tryPolicy(trial, () => level, Infinity);
}
