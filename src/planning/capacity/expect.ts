import type { DesiredPool } from "../../domain/pool.ts";
import { expectedUsdPerHour } from "../cost/daySpend.ts";
import { cutArrivals } from "./arrivals.ts";
import type { Arrivals } from "./arrivals.ts";
import { longestOf, shareWithin } from "./outcome.ts";
import { bootQuantile } from "./target/bootTimes.ts";
import { DAY_MS, HOUR_MS } from "./target/state.ts";
import type { Trial, Tried } from "./trial.ts";

/** What a pool would have been like on the jobs of its past, had it been configured so. */
export interface ExpectedPool {
  /** Machines that stood idle, in the mean. */
  readonly idleMachines: number;
  /** Jobs that waited no longer than what counts as in time, 0-1. */
  readonly share: number;
  readonly longestWaitMs: number;
  /** Idle, booting and busy machines, in US dollars a day; absent where no price is known. */
  readonly usdPerDay?: number | undefined;
  /** Days, of those judged, whose jobs alone cost more than the budget for a day; absent where there is none. */
  readonly daysOverBudget?: number | undefined;
}

/** What was judged, and how the two compare. */
export interface Expectation {
  readonly jobs: number;
  readonly days: number;
  /** In milliseconds. */
  readonly waitMs: number;
  readonly before?: ExpectedPool | undefined;
  readonly after: ExpectedPool;
}

/** So much of the past is judged; what came before it teaches. */
const JUDGED_MS = 14 * DAY_MS;
/** With less than this nothing can be told. */
export const MIN_JOBS = 20;
const MIN_MS = 6 * HOUR_MS;

const DEFAULT_AIM = { waitMs: 5_000, share: 0.95 };
const DEFAULT_BOOT_MS = 60_000;

/**
 * Replays a pool's past under what it is configured to now and what it would be; undefined where there is too little of it. Both are
 * judged by the wait of the new target, else of the old one.
 * @param tryPool replays it under a configured pool. @throws what that throws
 */
export async function expectFrom(
  past: { readonly arrivals: Arrivals; readonly bootTimesMs: readonly number[] },
  before: DesiredPool | undefined,
  after: DesiredPool,
  tryPool: (trial: Trial, pool: DesiredPool) => Promise<Tried>,
): Promise<Expectation | undefined> {
  const { arrivals, bootTimesMs } = past;
  const [first = 0, last = 0] = [arrivals.readyAt[0], arrivals.readyAt.at(-1)];
  if (arrivals.readyAt.length < MIN_JOBS || last - first < MIN_MS) return undefined;
  const cut = cutArrivals(arrivals, Math.max(first, last + 1 - JUDGED_MS), last + 1);
  const { waitMs, share = DEFAULT_AIM.share } = after.target ?? before?.target ?? DEFAULT_AIM;
  const bootMs = bootQuantile({ tookMs: bootTimesMs }, 0.9, bootTimesMs[0] ?? DEFAULT_BOOT_MS);
  const bootMsOf = (order: number): number => bootTimesMs[order % bootTimesMs.length] ?? DEFAULT_BOOT_MS;
  const expect = async (pool: DesiredPool): Promise<ExpectedPool> => {
    const { maxMachines, maxGrowthRate, idleTimeMs } = pool;
    const limits = { maxMachines, maxGrowthRate, idleTimeMs };
    const { outcome } = await tryPool({ ...cut, bootMsOf, bootMs, waitMs, share, limits }, pool);
    const { idleMs, bootingMs, busyMs } = outcome;
    const usdPerHour = expectedUsdPerHour(pool, []);
    const lengthMs = cut.to - cut.from;
    return {
      idleMachines: idleMs / lengthMs,
      share: shareWithin(outcome.waitMs, waitMs),
      longestWaitMs: longestOf(outcome.waitMs),
      usdPerDay: usdPerHour && (((idleMs + bootingMs + busyMs) / HOUR_MS) * usdPerHour * DAY_MS) / lengthMs,
      daysOverBudget: daysOver(pool, cut.arrivals, bootMs, usdPerHour),
    };
  };
  return {
    ...{ jobs: cut.arrivals.readyAt.length, days: (cut.to - cut.from) / DAY_MS, waitMs },
    before: before && (await expect(before)),
    after: await expect(after),
  };
}

/** Days, from midnight to midnight UTC, on which jobs that began, with their boots, cost more than the pool may spend. */
function daysOver(
  { budgetUsdPerDay }: DesiredPool,
  { readyAt, durationMs }: Arrivals,
  bootMs: number,
  usdPerHour: number | undefined,
): number | undefined {
  if (budgetUsdPerDay === undefined || usdPerHour === undefined) return undefined;
  const usdOfDay = new Map<number, number>();
  for (const [n, at] of readyAt.entries()) {
    const day = Math.floor(at / DAY_MS);
    const usd = (((durationMs[n] ?? 0) + bootMs) / HOUR_MS) * usdPerHour;
    usdOfDay.set(day, (usdOfDay.get(day) ?? 0) + usd);
  }
  return [...usdOfDay.values()].filter((usd) => usd > budgetUsdPerDay).length;
}
