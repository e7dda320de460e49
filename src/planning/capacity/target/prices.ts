import { BUCKETS, MINUTE_MS } from "./state.ts";
import type { PriceRow, TargetState, WindowTables } from "./state.ts";
import { forecastOf, placeOf } from "./windows.ts";

/*
 * One more machine at a moment serves in time the jobs that find exactly S others before them, and stands idle when the window
 * holds S or fewer. Idle minutes over jobs served is its price. Least cost at a promised share means the same price at every
 * moment (not the same share): a quiet hour whose machine serves nobody gets none, a busy one gets more.
 */

/** A bucket borrows from its neighbours, which were met at nearly the same forecast. */
const NEIGHBOURS = [0.2, 0.5, 1, 0.5, 0.2] as const;
/** So many jobs are believed in beforehand in each bucket, with the counts of a rate that is itself uncertain. */
const PRIOR_JOBS = 2;
const PRIOR_MINUTES = 10;

/** Prices for every bucket that was met, the current forecast's among them; rows never ask more than those of a busier bucket. */
export function priceRows(state: TargetState, current: number): { rows: PriceRow[]; firstRow: number } {
  const met = state.tables.minutes.map((counts, bucket) => (counts.length > 0 ? bucket : current));
  const firstRow = Math.max(0, Math.min(current, ...met) - 1);
  const lastRow = Math.min(BUCKETS - 1, Math.max(current, ...met) + 1);
  const rows: PriceRow[] = [];
  for (let bucket = firstRow; bucket <= lastRow; bucket++) {
    const row = rowOf(state.tables, bucket, state.windowMs);
    const below = rows.at(-1)?.prices ?? [];
    const prices = Array.from({ length: Math.max(row.prices.length, below.length) }, (_, s) =>
      Math.min(row.prices[s] ?? Infinity, below[s] ?? Infinity),
    );
    rows.push({ ...row, prices });
  }
  return { rows, firstRow };
}

/** Answers the row for a forecast of `jobs` a window, between the two nearest ones. */
export function rowFor({ rows, firstRow }: Pick<TargetState, "rows" | "firstRow">, jobs: number): PriceRow {
  const place = Math.min(rows.length - 1, Math.max(0, placeOf(jobs) - firstRow));
  const [low, high] = [rows[Math.floor(place)], rows[Math.ceil(place)]];
  if (low === undefined || high === undefined) throw new Error("Expected prices to be made before they are asked for");
  const part = place - Math.floor(place);
  const between = (a: number, b: number): number => a * (1 - part) + b * part;
  // Never outside the two: by a last digit too much, a busier forecast would ask for less than a quieter one.
  const priceBetween = (a: number, b: number): number =>
    a === b ? a : Math.min(a, Math.max(b, Math.exp(between(Math.log(a), Math.log(b)))));
  return {
    prices: high.prices.map((price, s) => priceBetween(low.prices[s] ?? price, price)),
    jobRates: high.jobRates.map((rate, s) => between(low.jobRates[s] ?? 0, rate)),
    held: high.held.map((share, s) => between(low.held[s] ?? 0, share)),
  };
}

/** Answers how many machines are worth a price. */
export function levelAt(prices: readonly number[], price: number): number {
  let level = 0;
  while (level < prices.length && (prices[level] ?? Infinity) <= price) level += 1;
  return level;
}

/** Prices of each further machine, given jobs a minute and the windows' counts; pooled so that they never fall. */
export function pricesOf(jobRates: readonly number[], held: readonly number[]): number[] {
  const pooled: { idle: number; jobs: number; machines: number }[] = [];
  let idleShare = 0;
  for (let s = 0; s < jobRates.length; s++) {
    idleShare += held[s] ?? 0;
    let next = { idle: idleShare, jobs: jobRates[s] ?? 0, machines: 1 };
    // Half a batch is worth little without its other half: such machines come together, at their common price.
    for (let last = pooled.at(-1); last !== undefined && last.idle * next.jobs > next.idle * last.jobs; ) {
      next = { idle: last.idle + next.idle, jobs: last.jobs + next.jobs, machines: last.machines + next.machines };
      pooled.pop();
      last = pooled.at(-1);
    }
    pooled.push(next);
  }
  return pooled.flatMap(({ idle, jobs, machines }) =>
    Array.from({ length: machines }, () => idle / Math.max(1e-12, jobs)),
  );
}

function rowOf(tables: WindowTables, bucket: number, windowMs: number): PriceRow {
  const forecast = forecastOf(bucket);
  const [jobs, minutes] = [gather(tables.jobs, bucket), gather(tables.minutes, bucket)];
  const length = Math.max(jobs.length + 1, Math.ceil(forecast + 6 * Math.sqrt(2 * forecast) + 8));
  const shape = 1 + forecast;
  const [priorJobs, priorMinutes] = [
    negativeBinomial((forecast * (shape + 1)) / shape, shape + 1, length),
    negativeBinomial(forecast, shape, length),
  ];
  const [jobSum, minuteSum] = [sumOf(jobs), sumOf(minutes)];
  const forecastAMinute = (forecast / windowMs) * MINUTE_MS;
  const jobsAMinute = (jobSum + forecastAMinute * PRIOR_MINUTES) / (minuteSum + PRIOR_MINUTES);
  const jobRates = priorJobs.map(
    (prior, s) => (jobsAMinute * ((jobs[s] ?? 0) + PRIOR_JOBS * prior)) / (jobSum + PRIOR_JOBS),
  );
  const held = priorMinutes.map(
    (prior, s) => ((minutes[s] ?? 0) + PRIOR_MINUTES * prior) / (minuteSum + PRIOR_MINUTES),
  );
  return { prices: pricesOf(jobRates, held), jobRates, held };
}

function gather(table: readonly (readonly number[])[], bucket: number): number[] {
  const sums: number[] = [];
  NEIGHBOURS.forEach((weight, k) => {
    (table[bucket + k - 2] ?? []).forEach((count, n) => {
      sums[n] = (sums[n] ?? 0) + weight * count;
    });
  });
  return sums;
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** Chances of 0..length-1 jobs when the rate is spread by a Gamma law of that shape. */
function negativeBinomial(mean: number, shape: number, length: number): number[] {
  const chances: number[] = [];
  // By logarithms: the first chance of a busy window is too small for a number.
  let log = shape * Math.log(shape / (mean + shape));
  const ratio = Math.log(mean / (mean + shape));
  for (let n = 0; n < length; n++) {
    chances.push(Math.exp(log));
    log += ratio + Math.log((shape + n) / (n + 1));
  }
  return chances;
}
