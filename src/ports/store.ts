import type { EpochMs, JobId, LeaseId, MachineId } from "../domain/ids.ts";
import type { Job, JobSpec } from "../domain/job.ts";
import type { JobProgress } from "../domain/jobProgress.ts";
import type { Lease } from "../domain/lease.ts";
import type { Machine, MachineState } from "../domain/machine.ts";
import type { PoolMode } from "../domain/pool.ts";
import type { MachineKeys } from "./guest.ts";

/** The name under which the mode of the whole manager is stored: a pool obeys the stricter of this and its own. */
export const ALL_POOLS = "*";

/** Something that happened to a machine, a lease or a job, kept for the reader who asks why. */
export interface TimelineEvent {
  readonly at: EpochMs;
  readonly machineId?: MachineId | undefined;
  readonly leaseId?: LeaseId | undefined;
  readonly jobId?: JobId | undefined;
  readonly poolName?: string | undefined;
  /** Past participle phrase, e.g. `machine launched`. */
  readonly what: string;
  readonly detail: string;
}

/** A change of the level of idle machines that a pool keeps, with all that it was decided from. */
export interface StoredDecision {
  readonly poolName: string;
  readonly at: EpochMs;
  /** Text that the planner alone reads. */
  readonly record: string;
}

/** Decisions kept of each pool. */
export const KEPT_DECISIONS = 200;

/** A stretch of a shadow's life, with all that its figures come of. */
export interface StoredShadowPeriod {
  readonly poolName: string;
  readonly shadowName: string;
  /** When it ended. */
  readonly at: EpochMs;
  /** Text that the shadow alone reads. */
  readonly record: string;
}

/** Under this name what is learned of GitLab's jobs is kept, where pools keep theirs. No pool is named so. */
export const GITLAB_MEMORY = "(gitlab)";

/** Stretches kept of each shadow. */
export const KEPT_SHADOW_PERIODS = 200;

/** One write. Changes of one commit take effect together or not at all. */
export type Change =
  /** A new machine with its keys, in `requested`. @throws ConflictError when the id exists. */
  | { readonly kind: "machine-added"; readonly machine: Machine; readonly keys: MachineKeys }
  /** A machine's next record, in the same state or after a legal move. @throws ConflictError when the stored state is not `from`, or the move is illegal. */
  | { readonly kind: "machine-moved"; readonly machine: Machine; readonly from: MachineState }
  /** @throws ConflictError when it would reopen a lease that has ended. */
  | { readonly kind: "lease"; readonly lease: Lease }
  /** A job's next record. Its spec goes with its end, its progress whenever it is not running. @throws ConflictError when it would reopen a job that has ended. */
  | {
      readonly kind: "job";
      readonly job: Job;
      readonly spec?: JobSpec | undefined;
      readonly progress?: JobProgress | undefined;
    }
  /** How the operator steered a pool, or with `ALL_POOLS` the whole manager. */
  | { readonly kind: "pool-mode"; readonly poolName: string; readonly mode: PoolMode }
  /** What a pool's planner has learnt, in the place of what it had before; text that the planner alone reads. */
  | { readonly kind: "pool-memory"; readonly poolName: string; readonly memory: string }
  /** A change of a pool's level, kept among the pool's newest `KEPT_DECISIONS`. */
  | { readonly kind: "level-decided"; readonly decision: StoredDecision }
  /** A stretch of a shadow's life, kept among the shadow's newest `KEPT_SHADOW_PERIODS`. */
  | { readonly kind: "shadow-recorded"; readonly period: StoredShadowPeriod }
  /** How a shadow stands, in the place of how it stood before; without a memory, all that is kept of it goes. */
  | {
      readonly kind: "shadow-memory";
      readonly poolName: string;
      readonly shadowName: string;
      readonly memory?: string | undefined;
    }
  | { readonly kind: "event"; readonly event: TimelineEvent };

/** What must survive the process. Every commit is durable when its promise resolves. */
export interface Store {
  commit(changes: readonly Change[]): Promise<void>;
  /** Machines in any state but terminated, oldest first. */
  liveMachines(): Promise<readonly Machine[]>;
  /** Any machine, until long after it was terminated. */
  machine(id: MachineId): Promise<Machine | undefined>;
  /** All machines, newest first, at most `limit`. */
  recentMachines(limit: number): Promise<readonly Machine[]>;
  /** Keys of a machine; gone once it is terminated. */
  keysOf(id: MachineId): Promise<MachineKeys | undefined>;
  /** Leases that have not ended, oldest first. */
  openLeases(): Promise<readonly Lease[]>;
  lease(id: LeaseId): Promise<Lease | undefined>;
  recentLeases(limit: number): Promise<readonly Lease[]>;
  /** Jobs that have not ended, oldest first. */
  openJobs(): Promise<readonly Job[]>;
  job(id: JobId): Promise<Job | undefined>;
  /** Gone once the job has ended: it holds the job's secrets. */
  jobSpec(id: JobId): Promise<JobSpec | undefined>;
  /** How far a running job's scripts are. As secret as its spec. */
  jobProgress(id: JobId): Promise<JobProgress | undefined>;
  recentJobs(limit: number): Promise<readonly Job[]>;
  /** Pools that are not `open`, by name. */
  poolModes(): Promise<ReadonlyMap<string, PoolMode>>;
  /** What a pool's planner had learnt when it was last written. */
  poolMemory(poolName: string): Promise<string | undefined>;
  /** Newest first, at most `limit`. */
  decisionsOf(poolName: string, limit: number): Promise<readonly StoredDecision[]>;
  /** How the shadows of a pool stood when they were last written, by name. */
  shadowMemories(poolName: string): Promise<ReadonlyMap<string, string>>;
  /** Newest first, at most `limit`. */
  shadowPeriods(poolName: string, shadowName: string, limit: number): Promise<readonly StoredShadowPeriod[]>;
  /** Events of one machine, lease or job, oldest first. */
  eventsOf(id: MachineId | LeaseId | JobId): Promise<readonly TimelineEvent[]>;
  close(): Promise<void>;
}
