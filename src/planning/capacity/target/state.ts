import type { EpochMs } from "../../../domain/ids.ts";

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Jobs in each hour of the week, of the day, and in all hours, and the time each was watched; what is old fades. */
export interface Season {
  /** 168 counts, Monday's first hour (UTC) first; then the 24 of a day; then all in one. */
  readonly jobs: number[];
  readonly watchedMs: number[];
}

/** Exponentially fading rates over several spans, in jobs a millisecond, as of `at`. */
export interface RecentRates {
  at: EpochMs;
  readonly rates: number[];
}

/** What windows of one boot time have held, by the forecast made before them (see windows.ts). */
export interface WindowTables {
  /** `jobs[bucket][n]`: jobs that found n others before them in their window. */
  readonly jobs: number[][];
  /** `minutes[bucket][n]`: minutes whose window held n jobs. */
  readonly minutes: number[][];
}

/** What windows of one bucket are expected to hold, and what a job served in time costs by each further machine. */
export interface PriceRow {
  /** `prices[s]`: idle machine-minutes for each job that machine s + 1 serves in time. Never falls. */
  readonly prices: number[];
  /** `jobRates[s]`: jobs a minute that find s others before them. */
  readonly jobRates: number[];
  /** `held[s]`: how likely a window holds s jobs. Adds up to about 1. */
  readonly held: number[];
}

/**
 * All that the target policy knows of one pool. Plain data: it goes through JSON and back unchanged, and the same state and
 * moment give the same level. It is changed in place by `observe.ts` alone.
 */
export interface TargetState {
  readonly startedAt: EpochMs;
  /** What a machine must be ordered ahead by to serve a job in time: boot time less the wait allowed. In milliseconds, > 0. */
  windowMs: number;
  jobsSeen: number;
  /** Minutes are counted up to here. */
  tickedAt: EpochMs;
  fadedAt: EpochMs;
  pricedAt: EpochMs;
  /** Jobs of the last window, oldest first: what the lagging rates have not seen. */
  window: EpochMs[];
  readonly season: Season;
  /** Jobs of the last half day or so, seen and by the season. */
  readonly level: { seen: number; bySeason: number };
  /** As of now, and as of one window ago: what was known when a machine for now had to be ordered. */
  readonly recent: RecentRates;
  readonly lagging: RecentRates;
  /** What each part of the forecast explained, and what it promised (see forecast.ts). */
  readonly mix: { readonly weights: number[]; readonly explained: number[]; readonly promised: number[] };
  readonly tables: WindowTables;
  /** By bucket; undefined below and above those that were ever met. */
  rows: PriceRow[];
  firstRow: number;
  /** What a job served in time may cost, from past windows: idle machine-minutes. */
  basePrice: number;
  /** The share that `basePrice` was made for. */
  pricedShare: number;
  /** Logarithm of what attained waits have made of the price. */
  correction: number;
  readonly held: HeldLevel;
}

/** The level in force, the rate of the last minutes when it was called for, and since when lower ones are; -1 while none is. */
export interface HeldLevel {
  level: number;
  recentRate: number;
  belowSince: EpochMs;
  highestBelow: number;
}

/** A pool of which nothing is known is taken to get a job an hour, until it is seen what it gets. */
export const FIRST_RATE = 1 / HOUR_MS;

/** Spans of the recent rates: from twice the time that an idle machine is kept to a week, each about four times the last. */
export const RECENT_SPANS_MS = [HOUR_MS / 3, HOUR_MS, 4 * HOUR_MS, DAY_MS, 7 * DAY_MS] as const;
/** Recent rates, the season, and the season at the recent level. */
export const PARTS = RECENT_SPANS_MS.length + 2;
/** Buckets of windows by forecast: a quarter of a factor e wide, from e^-8 to e^8 jobs a window. */
export const BUCKETS = 65;

/** A state that knows nothing yet. `windowMs` > 0. */
export function createTargetState(now: EpochMs, windowMs: number): TargetState {
  const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);
  const rates = (): RecentRates => ({ at: now, rates: RECENT_SPANS_MS.map(() => FIRST_RATE) });
  return {
    startedAt: now,
    windowMs,
    jobsSeen: 0,
    tickedAt: now,
    fadedAt: now,
    pricedAt: -1,
    window: [],
    season: { jobs: zeros(168 + 24 + 1), watchedMs: zeros(168 + 24 + 1) },
    level: { seen: 0, bySeason: 0 },
    recent: rates(),
    lagging: rates(),
    mix: { weights: zeros(PARTS).fill(1 / PARTS), explained: zeros(PARTS), promised: zeros(PARTS) },
    tables: createTables(),
    rows: [],
    firstRow: 0,
    basePrice: 0,
    pricedShare: 0,
    correction: 0,
    held: { level: 0, recentRate: FIRST_RATE, belowSince: -1, highestBelow: 0 },
  };
}

/** Tables of no window yet. */
export function createTables(): WindowTables {
  const empty = (): number[][] => Array.from({ length: BUCKETS }, () => []);
  return { jobs: empty(), minutes: empty() };
}
