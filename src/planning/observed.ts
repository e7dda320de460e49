import type { EpochMs } from "../domain/ids.ts";
import type { LiveMachine } from "../domain/machine.ts";
import type { DesiredPool, PoolMode } from "../domain/pool.ts";
import { censusOf } from "./census.ts";
import type { Census } from "./census.ts";

/** What is known of one pool at the start of a pass. */
export interface ObservedPool {
  /** Machines of the pool in any state but terminated, oldest first. */
  readonly machines: readonly LiveMachine[];
  /** Leases that wait for a machine of the pool. */
  readonly waitingLeases: number;
  /** When the first of them was asked for; Infinity when none waits. */
  readonly waitingSince: EpochMs;
  readonly mode: PoolMode;
  /** No launch before this instant, since the last one failed. */
  readonly launchesPausedUntil: EpochMs;
  /** What the provider said when it last refused a launch; empty when the last one went well. */
  readonly launchProblem: string;
  /** Why nothing can be written to the store, or soon cannot, so that nothing may be launched; empty when it can. */
  readonly storeProblem: string;
  /** Machines that may still be launched before the limit over all pools is met, ≥ 0. */
  readonly headroomOverall: number;
  /** Of that headroom, what those who wait in other pools need, ≥ 0: a machine for the idle count comes after them. */
  readonly reservedForOthers: number;
  /** Nobody looked after machines and leases before this instant: no deadline of theirs counts from before it. */
  readonly watchedSince: EpochMs;
  /** What made the wish for this moment, in words; empty or absent where the file says it all. */
  readonly wishWhy?: string | undefined;
  /** When the schedule changes it. @default never */
  readonly wishChangesAt?: EpochMs | undefined;
  /** What the pool may still spend today; absent where it has no budget. */
  readonly budget?: ObservedBudget | undefined;
  /** How the pool may stop machines and start them; absent where its provider can do neither. */
  readonly tier?: ObservedTier | undefined;
}

/** What a pool's budget leaves of the day. */
export interface ObservedBudget {
  /** Launches, and starts of stopped machines, whose cost still fits, ≥ 0. */
  readonly room: number;
  /** What it is, what is spent and what is expected, in words. */
  readonly text: string;
}

/** What is known of a pool's stopped machines beside their records. */
export interface ObservedTier {
  /** Digest of all that a machine would be made from now. */
  readonly recipe: string;
  /** No start, and no stop, before these instants, since the last one failed. */
  readonly startsPausedUntil: EpochMs;
  readonly stopsPausedUntil: EpochMs;
  /** What the provider said when it last refused a stop; empty when the last one went well. */
  readonly stopProblem: string;
}

/** A pool's wish with what is known of it. */
export interface PoolInView {
  readonly desired: DesiredPool;
  readonly observed: ObservedPool;
}

/** Counts machines by state. */
export const countByState = (machines: readonly LiveMachine[]): Census["counts"] => censusOf(machines).counts;

/** Machines on their way to idle. */
export function countInFlight(machines: readonly LiveMachine[]): number {
  const { requested, booting, starting } = countByState(machines);
  return requested + booting + starting;
}

/** Stopped machines that may be started, the longest stopped first. */
export const startableMachines = (machines: readonly LiveMachine[]): Census["startable"] =>
  censusOf(machines).startable;

/** Tells whether a pool starts stopped machines now when it wants machines. */
export const canStart = ({ mode, tier }: ObservedPool, now: EpochMs): boolean =>
  mode === "open" && tier !== undefined && now >= tier.startsPausedUntil;

/** Idle machines that may be leased, the longest idle first. */
export const leasableMachines = (machines: readonly LiveMachine[]): Census["leasable"] => censusOf(machines).leasable;

/** Machines that will serve who waits, or are kept ready: idle or on their way there. */
export const supplyOf = (machines: readonly LiveMachine[]): number =>
  countInFlight(machines) + leasableMachines(machines).length;

/** Launches that those who wait in this pool still need and that its own limits allow. */
export function unmetDemand(desired: DesiredPool, observed: ObservedPool, now: EpochMs): number {
  if (observed.mode !== "open" || now < observed.launchesPausedUntil) return 0;
  const startable = canStart(observed, now) ? startableMachines(observed.machines).length : 0;
  const unmet = observed.waitingLeases - supplyOf(observed.machines) - startable;
  return Math.max(0, Math.min(unmet, desired.maxMachines - observed.machines.length, budgetRoom(observed)));
}

/** Launches and starts that the day's budget leaves; Infinity without one. */
export const budgetRoom = ({ budget }: ObservedPool): number => budget?.room ?? Infinity;

/**
 * Machines that the pool may still launch before one of its limits is met, with the limit that binds.
 * @param starts of stopped machines that are planned beside
 */
export function launchRoom(
  desired: DesiredPool,
  observed: ObservedPool,
  starts = 0,
): { readonly room: number; readonly limit: "pool" | "all-pools" | "growth-rate" | "budget" } {
  const inPool = desired.maxMachines - observed.machines.length;
  const overall = observed.headroomOverall;
  const growing = desired.maxGrowthRate - countInFlight(observed.machines) - starts;
  const affordable = budgetRoom(observed) - starts;
  const room = Math.max(0, Math.min(inPool, overall, growing, affordable));
  if (affordable <= Math.min(inPool, overall, growing)) return { room, limit: "budget" };
  if (inPool <= overall && inPool <= growing) return { room, limit: "pool" };
  return { room, limit: overall <= growing ? "all-pools" : "growth-rate" };
}
