import type { EpochMs } from "../../domain/ids.ts";
import type { LevelPolicy } from "./replay.ts";
import { levelAt, pricesOf } from "./target/prices.ts";
import { hourOfWeek } from "./target/season.ts";
import { HOUR_MS, MINUTE_MS } from "./target/state.ts";

/** A stretch of arrivals as those see it who know it whole. */
export interface KnownStretch {
  /** Epoch milliseconds, oldest first. */
  readonly readyAt: Float64Array;
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** Boot time less the wait allowed, in milliseconds, > 0. */
  readonly windowMs: number;
}

/** GitLab's IdleScaleFactor: idle machines in proportion to those in use, no fewer than IdleCountMin. */
export function scaleFactorPolicy(factor: number, idleCountMin: number): LevelPolicy {
  return ({ inUse }) => Math.max(idleCountMin, Math.floor(inUse * factor));
}

/** Makes, for any price, the best schedule by hour of the week in hindsight: no operator can know it beforehand. */
export function hourlySchedules(stretch: KnownStretch): (price: number) => LevelPolicy {
  const { readyAt, from, to, windowMs } = stretch;
  const [jobs, held] = [tables(), tables()];
  let oldest = 0;
  for (let n = 0; n < readyAt.length; n++) {
    while ((readyAt[oldest] ?? 0) <= (readyAt[n] ?? 0) - windowMs) oldest += 1;
    count(jobs, readyAt[n] ?? 0, n - oldest);
  }
  let [first, next] = [0, 0];
  for (let at = from; at < to; at += MINUTE_MS) {
    while ((readyAt[first] ?? Infinity) <= at) first += 1;
    while ((readyAt[next] ?? Infinity) <= at + windowMs) next += 1;
    count(held, at, next - first);
  }
  const prices = held.map((windows, hour) => {
    const minutes = windows.reduce((sum, each) => sum + each, 0) || 1;
    const found = jobs[hour] ?? [];
    const length = Math.max(windows.length, found.length);
    const shares = (counts: readonly number[]): number[] =>
      Array.from({ length }, (_, n) => (counts[n] ?? 0) / minutes);
    return pricesOf(shares(found), shares(windows));
  });
  return (price) => {
    const levels = prices.map((each) => levelAt(each, price));
    return ({ now }) => levels[hourOfWeek(now)] ?? 0;
  };
}

/** Makes, for any share, the level that a Poisson law asks for at the true rate of each hour, which nobody can know. */
export function hourOracle({ readyAt, from, windowMs }: KnownStretch): (share: number) => LevelPolicy {
  const counts: number[] = [];
  for (const at of readyAt) {
    const hour = Math.floor((at - from) / HOUR_MS);
    counts[hour] = (counts[hour] ?? 0) + 1;
  }
  return (share) => {
    const levels: (number | undefined)[] = [];
    return ({ now }) => {
      const hour = Math.floor((now - from) / HOUR_MS);
      levels[hour] ??= poissonLevel(((counts[hour] ?? 0) * windowMs) / HOUR_MS, share);
      return levels[hour] ?? 0;
    };
  };
}

/** The least level of which fewer are needed with that chance, when as many are needed as a Poisson law of that mean gives. */
function poissonLevel(mean: number, share: number): number {
  let [level, chance] = [0, Math.exp(-mean)];
  let below = 0;
  while (mean > 0 && below < share && level < 10_000) {
    below += chance;
    level += 1;
    chance *= mean / level;
  }
  return level;
}

const tables = (): number[][] => Array.from({ length: 168 }, () => []);

function count(table: number[][], at: EpochMs, held: number): void {
  const counts = table[hourOfWeek(at)] ?? [];
  while (counts.length <= held) counts.push(0);
  counts[held] = (counts[held] ?? 0) + 1;
}
