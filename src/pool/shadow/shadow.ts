import type { EpochMs, LeaseId } from "../../domain/ids.ts";
import type { DesiredPool, PoolPolicy, ShadowWish } from "../../domain/pool.ts";
import type { ShadowBook, ShadowInput } from "../../planning/shadow/book.ts";
import type { ShadowSetting } from "../../planning/shadow/run.ts";
import type { Compared, Tally } from "../../planning/shadow/tally.ts";
import type { Schedules } from "../schedules.ts";
import type { DecisionRecord } from "../target/record.ts";
import type { PoolPlanner } from "../target/planner.ts";
import type { Acting } from "./acting.ts";
import type { Heard } from "./heard.ts";

/** A change of level: when, and to what. */
export type LevelChange = readonly [at: EpochMs, level: number];

/** The stretch of a shadow's life that goes on now. Plain data. */
export interface OpenPeriod {
  readonly setting: ShadowSetting;
  readonly start: ShadowBook;
  readonly inputs: ShadowInput[];
  readonly tookMs: number[];
  readonly actingLevels: LevelChange[];
  readonly decisions: DecisionRecord[];
}

/** Sums of all stretches that are over. */
export interface Totals {
  readonly shadow: Tally;
  readonly acting: Tally;
  readonly compared: Compared;
}

/** One policy beside the acting one of its pool, as it lives in this process. */
export interface Shadow {
  readonly poolName: string;
  readonly wish: ShadowWish;
  /** Its policy in words that tell it from another one of its name. */
  readonly digest: string;
  readonly startedAt: EpochMs;
  book: ShadowBook;
  period: OpenPeriod;
  acting: Acting;
  totals: Totals;
  /** The numbers of jobs in its book, by their leases; and the next. */
  readonly numbers: Map<LeaseId, number>;
  nextNumber: number;
  /** What its target has learnt; absent without one. */
  planner: Pick<PoolPlanner, "state" | "aim" | "last"> | undefined;
  /** How its level of the moment came to be; empty where the file says it all. */
  why: string;
  readonly schedules: Schedules;
  /** When its schedule changes what it wishes for, on the fleet's clock. */
  changesAt: EpochMs;
  savedAt: EpochMs;
  /** What came while no manager was there, and is to be taken in yet. */
  readonly missed: Heard[];
  /** Its pool as the configuration had it when it was last looked at; undefined before. */
  seenPool: DesiredPool | undefined;
  /** Why it was switched off; empty while it runs. */
  problem: string;
}

/** The pool with a shadow's policy in the place of its own: what its machines are like stays. */
export function poolOfShadow(pool: DesiredPool, { name: _, ...policy }: ShadowWish): DesiredPool {
  return { ...pool, ...NO_POLICY, ...policy, shadows: undefined };
}

/** Nothing of the pool's own policy is the shadow's where it leaves it open. */
const NO_POLICY = {
  ...{ schedule: undefined, target: undefined, budgetUsdPerDay: undefined },
  ...{ idleScaleFactor: undefined, idleCountMin: undefined, idleCountMax: undefined, stoppedCount: undefined },
} satisfies Partial<PoolPolicy>;

/** Tells a policy from others. */
export const digestOfWish = (wish: ShadowWish): string => JSON.stringify(wish);

/** A job is in time that waited no longer than this where no target says otherwise, in milliseconds: as in `mayfly plan`. */
const DEFAULT_AIM_MS = 5_000;

/** The wait by which a shadow and its pool are judged, in milliseconds. */
export const aimMsOf = (pool: DesiredPool, wish: ShadowWish): number =>
  (wish.target ?? pool.target)?.waitMs ?? DEFAULT_AIM_MS;
