import type { MachinePrice } from "../../domain/cost.ts";
import type { EpochMs, MachineId } from "../../domain/ids.ts";
import type { LiveMachine } from "../../domain/machine.ts";
import type { PoolMode } from "../../domain/pool.ts";
import type { Compared, Tally } from "./tally.ts";

/*
 * A shadow cannot see how long jobs would have waited under it, so it keeps a book of its own: the jobs of the real pool, as they
 * come, and machines that are there in the book alone. The very planner of the real pool decides what becomes of those.
 */

/** A job in a shadow's book. */
export interface ShadowJob {
  /** In order of arrival. */
  readonly no: number;
  readonly priority: number;
  readonly readyAt: EpochMs;
  /** From when on it has a machine of the shadow. */
  heldAt?: EpochMs | undefined;
  machineId?: MachineId | undefined;
  /** It has waited for a limit: no level would have helped it. */
  isLimited?: boolean | undefined;
  /** How long it waited in the real pool; absent until it has a machine there. In milliseconds. */
  actingWaitMs?: number | undefined;
  /** From when on it is known to have ended in the real pool, and how long it had its machine there; absent for one that never had one. */
  endedAt?: EpochMs | undefined;
  ranMs?: number | undefined;
}

/** What the real pool's surroundings let a shadow do, too. */
export interface ShadowWorld {
  readonly mode: PoolMode;
  /** Whether launches are possible now: neither refused, nor held back by the store or the disk. */
  readonly launches: boolean;
  /** The same of starts of stopped machines, and of stops. */
  readonly starts: boolean;
  readonly stops: boolean;
  /** Machines that max_machines over all pools leaves to this one. */
  readonly most: number;
  readonly price?: MachinePrice | undefined;
}

/** What a shadow's policy wishes for now. */
export interface ShadowLevel {
  readonly idleCount: number;
  readonly idleTimeMs: number;
  /** Machines kept stopped beside them. @default 0 */
  readonly stoppedCount?: number | undefined;
}

/** All that a shadow has come to, plain data: the same book and the same inputs come to the same book. */
export interface ShadowBook {
  at: EpochMs;
  readonly startedAt: EpochMs;
  /** Oldest first; none takes time to end. */
  machines: readonly LiveMachine[];
  /** When those that boot, or start, are ready. */
  boots: readonly { readonly id: MachineId; readonly readyAt: EpochMs }[];
  /** When those that are being stopped are. */
  stops: readonly { readonly id: MachineId; readonly stoppedAt: EpochMs }[];
  /** Those that wait, and those that have a machine; oldest first. */
  jobs: readonly ShadowJob[];
  madeMachines: number;
  /** Starts of stopped machines, and stops, so far. */
  startsAsked: number;
  stopsAsked: number;
  level: ShadowLevel;
  world: ShadowWorld;
  /** What machines have cost that are gone, of the day that began at `midnight`; and how long jobs take. */
  spend: { midnight: EpochMs; endedUsd: number; jobMs: number | undefined };
  tally: Tally;
  compared: Compared;
}

/** Something that a shadow heard of the real pool, or a wish of its own policy, in the order in which they came. */
export type ShadowInput =
  | {
      readonly kind: "job";
      readonly at: EpochMs;
      readonly no: number;
      readonly priority: number;
      readonly readyAt: EpochMs;
    }
  /** The job has a machine of the real pool. */
  | { readonly kind: "served"; readonly at: EpochMs; readonly no: number; readonly waitMs: number }
  /** The job has left the real pool. `ranMs` is absent for one that never had a machine. */
  | { readonly kind: "ended"; readonly at: EpochMs; readonly no: number; readonly ranMs?: number | undefined }
  | { readonly kind: "world"; readonly at: EpochMs; readonly world: ShadowWorld }
  | { readonly kind: "level"; readonly at: EpochMs; readonly level: ShadowLevel }
  /** The planner looked though nothing was due, and something came of it: what a budget leaves changes with every moment. */
  | { readonly kind: "look"; readonly at: EpochMs };

/** Jobs that may wait in a book; a policy that lets so many wait is none. */
export const MAX_WAITING = 10_000;

/** Tells whether a job waits for a machine of the shadow. */
export const isWaiting = ({ heldAt }: ShadowJob): boolean => heldAt === undefined;
