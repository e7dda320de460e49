import type { Duplex } from "node:stream";
import type { ConfigChange, ConfigReload } from "../domain/configChange.ts";
import type { EpochMs, JobId, LeaseId, MachineId } from "../domain/ids.ts";
import type { Job, JobSpec } from "../domain/job.ts";
import type { Lease } from "../domain/lease.ts";
import type { Machine, MachineState } from "../domain/machine.ts";
import type { DesiredPool, IdleWish, PoolMode } from "../domain/pool.ts";
import type { StageRequest, StageView } from "../domain/stage.ts";
import type { Announcement } from "./announce.ts";
import type { ExecOptions, RemoteProcess } from "./channel.ts";
import type { DriverName } from "../domain/shape.ts";
import type { Instance } from "./driver.ts";
import type { JobWhy, PoolShadows, PoolWhy } from "./explain.ts";
import type { Health, PreloadFailure, SteeredBy } from "./health.ts";
import type { LeaseRequest } from "./leases.ts";
import type { TimelineEvent } from "./store.ts";

/** What a configuration file would change of what is in force. */
export interface ConfigDiff {
  readonly changes: readonly ConfigChange[];
  /** Keys that a running manager cannot change: it would refuse the file. */
  readonly needsRestart: readonly string[];
  /** What it would do to each pool that it is about. */
  readonly pools: readonly {
    readonly poolName: string;
    readonly launched: number;
    readonly retired: number;
    /** Leased machines of a shape, or a pool, that is no more. */
    readonly finishing: number;
    /** What the idle machines of a day cost, in US dollars; absent where no price is known, and where a target chooses them. */
    readonly idleUsdPerDayBefore?: number | undefined;
    readonly idleUsdPerDayAfter?: number | undefined;
    /** Idle machines that the target asks for now, before and after; absent where there is none. */
    readonly levelBefore?: number | undefined;
    readonly levelAfter?: number | undefined;
    /** What the budget for the day would leave, in words; absent where there is none. */
    readonly budget?: string | undefined;
  }[];
  /** Machines over all pools, and the limits of them; absent where that does not change. */
  readonly overall?: { readonly machines: number; readonly before: number; readonly after: number } | undefined;
}

/** What a pool wishes for at one moment, by its schedule and by what is leased. */
export interface WishView extends Pick<IdleWish, "idleCount" | "stoppedCount" | "idleTimeMs"> {
  readonly why: string;
  /** The section of the schedule that holds, from 0; absent while none does. */
  readonly sectionIndex?: number | undefined;
  /** Until when it holds, at least; absent where no schedule changes it. */
  readonly changesAt?: EpochMs | undefined;
}

export interface PoolView {
  readonly desired: DesiredPool;
  /** Absent where what it wishes for does not depend on the moment. */
  readonly wish?: WishView | undefined;
  /** The stricter of the pool's own mode and the whole manager's. */
  readonly mode: PoolMode;
  /** What made it so: the pool was steered, all pools were, or the manager is stopping. Absent while it is open. */
  readonly steeredBy?: SteeredBy | undefined;
  /** `mode` is not open: it gives no new leases. */
  readonly isCordoned: boolean;
  readonly machines: Readonly<Record<MachineState, number>>;
  readonly waitingLeases: number;
  /** Why the pool is as it is now, in one sentence. */
  readonly why: string;
  /** Images of its `preload` list that idle machines could not fetch when it was last tried. Absent when there are none. */
  readonly preloadProblems?: readonly PreloadFailure[] | undefined;
}

/** One resource under our tag, as a provider shows it and as the store knows it. */
export interface InstanceView {
  readonly driver: DriverName;
  readonly providerId: string;
  /** From its tag, or from the record of what is missing. */
  readonly machineId: MachineId;
  readonly poolName: string;
  /** Absent when it is missing. */
  readonly launchedAt?: EpochMs | undefined;
  readonly state?: Instance["state"] | undefined;
  /**
   * `ours`: a live record knows it; `ending`: it is on its way out; `stranger`: it bears our tag and nobody knows it;
   * `missing`: a live record knows it and the provider does not show it.
   */
  readonly verdict: "ours" | "ending" | "stranger" | "missing";
  /** What it is, in a few words. */
  readonly what: string;
  /** What became of a stranger that was to be ended: `ended`, or why it was not. */
  readonly outcome?: string | undefined;
}

export interface LeaseView {
  readonly lease: Lease;
  /** Why it waits, while it waits. */
  readonly why?: string | undefined;
}

/** All that a front door can ask of a running manager; what the API serves. Unknown ids throw NotFoundError. */
export interface Manager {
  health(): Promise<Health>;
  /**
   * Reads the configuration file again and applies it, all of it or nothing.
   * @throws ConfigError when it is broken, or changes what only a restart can; ConflictError when there is no file.
   */
  reloadConfig(): Promise<ConfigReload>;
  /** Tells what a file would change, and do; changes nothing. @throws ConfigError with every problem of the text. */
  diffConfig(text: string, fileName: string): Promise<ConfigDiff>;
  pools(): Promise<readonly PoolView[]>;
  pool(name: string): Promise<PoolView>;
  /** Why it keeps as many machines ready as it does, in one sentence and in numbers. */
  poolWhy(name: string): Promise<PoolWhy>;
  /** What the policies that are tried beside the pool's own would have done. */
  poolShadows(name: string): Promise<PoolShadows>;
  cordonPool(name: string): Promise<PoolView>;
  /** Cordons, lets leases end, terminates the idle machines. */
  drainPool(name: string): Promise<PoolView>;
  resumePool(name: string): Promise<PoolView>;
  /** The same for all pools at once, beside what each was told by itself. Answers all pools. */
  cordonAll(): Promise<readonly PoolView[]>;
  drainAll(): Promise<readonly PoolView[]>;
  resumeAll(): Promise<readonly PoolView[]>;
  /** Live machines, oldest first; with `all` the terminated ones too, at most 1,000. */
  machines(all: boolean): Promise<readonly Machine[]>;
  machine(id: MachineId): Promise<Machine>;
  terminateMachine(id: MachineId): Promise<Machine>;
  /** Holds what the providers show under our tag against what the store knows, now. */
  auditInstances(signal: AbortSignal): Promise<readonly InstanceView[]>;
  /** The same, and ends the strangers at once. */
  reapStrangers(signal: AbortSignal): Promise<readonly InstanceView[]>;
  /** A process on the machine, e.g. an interactive shell, for people looking at a running job. Uses the kept channel. */
  execOnMachine(id: MachineId, command: string, options: ExecOptions, signal: AbortSignal): Promise<RemoteProcess>;
  /** @param key as with `submitJob` */
  acquireLease(request: LeaseRequest, key?: string): Promise<LeaseView>;
  leases(all: boolean): Promise<readonly LeaseView[]>;
  /** Answers when the lease is no longer waiting, when the why has changed from `knownWhy`, or after `waitMs`. */
  awaitLease(id: LeaseId, waitMs: number, knownWhy: string | undefined, signal: AbortSignal): Promise<LeaseView>;
  renewLease(id: LeaseId): Promise<LeaseView>;
  releaseLease(id: LeaseId): Promise<LeaseView>;
  /** A process on the leased machine, as its user. */
  execOnLease(id: LeaseId, command: string, options: ExecOptions, signal: AbortSignal): Promise<RemoteProcess>;
  /** A stream to the Docker socket of the leased machine. */
  forwardEngine(id: LeaseId, signal: AbortSignal): Promise<Duplex>;
  /** @param bytes read from their start at each try, where they can be read more than once */
  putArchive(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<string>;
  /**
   * Accepts a job: it is in the store when this resolves, and comes to exactly one end.
   * @param key made by the client, 8 to 128 of [A-Za-z0-9_.-]: a submit whose answer was lost is sent again with it, and
   * answers the job of the first time. @throws ConflictError `request-key-reused` when that was of another spec.
   */
  submitJob(spec: JobSpec, key?: string): Promise<Job>;
  /** Tells which jobs a pipeline will bring, and when, in the place of what was told of it before. Pools with a target order machines ahead of them. @throws NotFoundError for a pool that is none */
  announcePipeline(id: string, announcement: Announcement): Promise<{ readonly id: string }>;
  jobs(all: boolean): Promise<readonly Job[]>;
  job(id: JobId): Promise<Job>;
  /** Answers when the job has ended or `waitMs` has passed. */
  awaitJob(id: JobId, waitMs: number, signal: AbortSignal): Promise<Job>;
  /** Asks the job to end: script stopped, after_script still run; with `force` nothing is waited for. Ended already is success. */
  cancelJob(id: JobId, force: boolean): Promise<Job>;
  /** Where the job's waiting goes or went, as sentences. */
  jobEvents(id: JobId): Promise<readonly TimelineEvent[]>;
  /** Where its wait for a machine went, by cause, and what one more idle machine would have changed. */
  jobWhy(id: JobId): Promise<JobWhy>;
  /**
   * Asks for the next stage of a staged job (`staged` in its spec). One that still runs is stopped first; one that is asked for
   * before the job is ready waits for that. @throws ConflictError `job-ended` when the job takes none any more, `not-staged`.
   * @param key as with `submitJob`
   */
  startStage(id: JobId, request: StageRequest, key?: string): Promise<StageView>;
  /** Answers when the stage has ended or `waitMs` has passed. Stage 0 is the preparation. A sign of life of the holder's. */
  awaitStage(id: JobId, number: number, waitMs: number, signal: AbortSignal): Promise<StageView>;
  /** Asks a stage to end: TERM to all that it started, then KILL. Ended already is success. */
  stopStage(id: JobId, number: number): Promise<StageView>;
  /** What a stage says, from an offset within it, until it has ended. */
  stageLog(id: JobId, number: number, offset: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** The holder of a staged job is done: what still runs is stopped, the job ends by the results of its stages, its machine goes. Ended already is success. */
  finishJob(id: JobId): Promise<Job>;
  jobLog(id: JobId, offset: number, follow: boolean, signal: AbortSignal): AsyncIterable<Uint8Array>;
}
