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
  readonly decision?: DecisionView | undefined;
  /** What the budget leaves of the day. */
  readonly budget?: string | undefined;
  /** The changes of level, newest first, at most 20. */
  readonly changes: readonly DecisionView[];
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
