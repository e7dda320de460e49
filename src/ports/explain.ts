import type { EpochMs, JobId } from "../domain/ids.ts";
import type { WaitedMs } from "../domain/lease.ts";

/** A level that was decided, with the numbers of the decision. */
export interface DecisionView {
  readonly at: EpochMs;
  /** Machines to be idle or booting beyond those that waiting jobs take. */
  readonly level: number;
  /** What bound it: the price, the wait that covers a boot, a lower level that is not trusted yet, a floor, a cap, or a planner that failed. */
  readonly binding: string;
  readonly why: string;
  /** What the price alone asked for. */
  readonly asked?: number | undefined;
  readonly forecastPerHour?: number | undefined;
  /** Jobs that one window from then is expected to hold at the most, with that chance. */
  readonly window?: { readonly p50: number; readonly p95: number; readonly p99: number } | undefined;
  /** What a job served in time may cost, what the last machine costs, and one more, in idle machine-minutes; absent for one that serves nobody. */
  readonly price?: number | undefined;
  readonly lastPrice?: number | undefined;
  readonly nextPrice?: number | undefined;
  /** Jobs an hour that one machine less would let wait: the runner-up. */
  readonly missedWithoutLastPerHour?: number | undefined;
  /** The price of a minute's waiting, in US dollars, that the price amounts to; absent where no price of machines is known. */
  readonly waitUsdPerMinute?: number | undefined;
}

/** What a target promises, and what its last jobs got. */
export interface PromiseView {
  /** In milliseconds. */
  readonly waitMs: number;
  /** 0-1; absent where the price of waiting was given in its place. */
  readonly share?: number | undefined;
  /** The last jobs that are known to have got a machine without waiting for a limit, and the share of them that was in time, 0-1. */
  readonly jobs: number;
  readonly attainedShare?: number | undefined;
  /** Jobs that waited for a limit: no level would have helped them. */
  readonly limitedJobs: number;
  /** What the waits of jobs have made of the price that one in time may cost: above 1 when too many were late. */
  readonly priceFactor?: number | undefined;
}

/** Why a pool keeps as many machines ready as it does. */
export interface PoolWhy {
  readonly poolName: string;
  /** One sentence. */
  readonly why: string;
  readonly policy: "target" | "schedule" | "scale-factor" | "static";
  readonly level: number;
  /** The boot time that is planned with, in milliseconds, and how many boots were measured for it. */
  readonly bootMs: number;
  readonly bootsMeasured: number;
  /** Jobs that the planner has seen; absent without a target. */
  readonly jobsSeen?: number | undefined;
  /** Absent without a target. */
  readonly promise?: PromiseView | undefined;
  readonly decision?: DecisionView | undefined;
  /** What the budget leaves of the day. */
  readonly budget?: string | undefined;
  /** The changes of level, newest first, at most 20. */
  readonly changes: readonly DecisionView[];
}

/** What a pool, or a shadow of it, did in a stretch of time. */
export interface PolicyFigures {
  /** Jobs that came, and those that got a machine. */
  readonly jobs: number;
  readonly served: number;
  /** Of those, how many waited no longer than `aimMs`, 0-1; 1 while there is none. */
  readonly shareInTime: number;
  readonly meanWaitMs: number;
  readonly longestWaitMs: number;
  readonly idleHours: number;
  readonly bootingHours: number;
  readonly busyHours: number;
  /** Of machines that are kept stopped, which cost what their disks do. */
  readonly stoppedHours: number;
  readonly launches: number;
  /** Machines that ended without a job. */
  readonly unused: number;
  /** All machine time, and the disks of stopped machines, at the pool's price, in US dollars; absent where it is not known. */
  readonly costUsd?: number | undefined;
}

/** A shadow's figures beside those of its pool, of the same stretch of time. */
export interface ShadowComparison {
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly shadow: PolicyFigures;
  readonly acting: PolicyFigures;
  /** How much waiting the shadow would have spared the jobs that both have served, and how much it would have added to others, in milliseconds. */
  readonly savedMs: number;
  readonly addedMs: number;
}

/** A stretch, with the levels of idle machines: of the shadow and of its pool, each as it changed, oldest first. */
export interface ShadowPeriodView extends ShadowComparison {
  readonly levels: readonly { readonly at: EpochMs; readonly level: number }[];
  readonly actingLevels: readonly { readonly at: EpochMs; readonly level: number }[];
}

/** A policy that is decided beside the acting one. */
export interface ShadowView {
  readonly name: string;
  readonly policy: PoolWhy["policy"];
  readonly startedAt: EpochMs;
  /** Why it was switched off; absent while it runs. */
  readonly problem?: string | undefined;
  readonly level: number;
  /** How that level came to be; empty where the file says it all. */
  readonly why: string;
  /** Machines that it would have now. */
  readonly idle: number;
  readonly booting: number;
  readonly leased: number;
  readonly stopped: number;
  readonly waiting: number;
  readonly total: ShadowComparison;
  /** Its newest stretches, oldest first, at most an hour each; the last one goes on. */
  readonly periods: readonly ShadowPeriodView[];
}

/** The shadows of a pool. */
export interface PoolShadows {
  readonly poolName: string;
  /** The policy that acts, and its level now. */
  readonly policy: PoolWhy["policy"];
  readonly level: number;
  /** A job is in time when it waited no longer, in milliseconds: what the shadow's target says, else the pool's, else 5 s. */
  readonly shadows: readonly (ShadowView & { readonly aimMs: number })[];
  /** Why there is none though the configuration asks for some; absent when there is. */
  readonly pending?: string | undefined;
}

/** Where a job's wait for its machine went, or goes. */
export interface JobWhy {
  readonly jobId: JobId;
  readonly waitedMs: number;
  /** By cause; empty for a job that got its machine at once, and for leases of older managers. */
  readonly parts: WaitedMs;
  /** One sentence. */
  readonly why: string;
  /** What one more idle machine would have changed. Absent where the wait was for a limit, or there was none. */
  readonly oneMore?: { readonly savedMs: number; readonly costUsd?: number | undefined } | undefined;
}
