import type { EpochMs } from "../../../domain/ids.ts";
import type { TargetWish } from "../../../domain/pool.ts";
import { mixOf, partsOf } from "./forecast.ts";
import { priceRows, rowFor } from "./prices.ts";
import { HOUR_MS, MINUTE_MS } from "./state.ts";
import type { TargetState } from "./state.ts";
import { placeOf } from "./windows.ts";

/** Prices are made anew so often, and sooner in a pool's first days. */
const PRICING_MS = 6 * HOUR_MS;
/** So many jobs are believed in beforehand, as the present forecast has them: until there are more, nothing else is known. */
const PRIOR_JOBS = 20;

/** Makes prices anew when they are due, or when another share is asked for. */
export function keepPriced(state: TargetState, share: number, now: EpochMs): void {
  const dueMs = Math.min(PRICING_MS, Math.max(10 * MINUTE_MS, (now - state.startedAt) / 8));
  if (state.pricedAt >= 0 && now - state.pricedAt < dueMs && state.pricedShare === share) return;
  const forecastJobs = mixOf(state, partsOf(state, state.recent)) * state.windowMs;
  Object.assign(state, priceRows(state, Math.round(placeOf(forecastJobs))));
  state.basePrice = priceForShare(state, forecastJobs, share);
  state.pricedAt = now;
  state.pricedShare = share;
}

/**
 * Answers the least price at which that share of the jobs of the past would have been served in time: each job is worth the
 * price of the machine that it would have needed, and the share's quantile over jobs is the answer. Never falls with `share`.
 */
function priceForShare(state: TargetState, forecastJobs: number, share: number): number {
  const asked: { price: number; jobs: number }[] = [];
  const add = (prices: readonly number[], counts: readonly number[], scale: number): void => {
    for (const [found, count] of counts.entries()) {
      if (count > 0) asked.push({ price: prices[found] ?? prices.at(-1) ?? 0, jobs: count * scale });
    }
  };
  for (const [bucket, counts] of state.tables.jobs.entries()) {
    add(state.rows[bucket - state.firstRow]?.prices ?? [], counts, 1);
  }
  const row = rowFor(state, forecastJobs);
  const rate = row.jobRates.reduce((sum, each) => sum + each, 0);
  add(row.prices, row.jobRates, PRIOR_JOBS / rate);
  asked.sort((a, b) => a.price - b.price);
  const jobs = asked.reduce((sum, each) => sum + each.jobs, 0);
  let served = 0;
  for (const each of asked) {
    served += each.jobs;
    if (served >= share * jobs) return each.price;
  }
  return asked.at(-1)?.price ?? 0;
}

/**
 * What serving a job in time may cost, in idle machine-minutes, where a minute of waiting has a price: without an idle machine it
 * would wait for a boot. Undefined where neither price is known, or machines cost nothing.
 */
export function waitPriceOf(
  target: TargetWish | undefined,
  usdPerHour: number | undefined,
  bootMs: number,
): number | undefined {
  if (target?.waitUsdPerMinute === undefined || usdPerHour === undefined || usdPerHour <= 0) return undefined;
  return (target.waitUsdPerMinute * (bootMs / MINUTE_MS)) / (usdPerHour / 60);
}
