import type { EpochMs } from "../../../domain/ids.ts";
import { seasonRate } from "./season.ts";
import { FIRST_RATE, PARTS, RECENT_SPANS_MS } from "./state.ts";
import type { RecentRates, TargetState } from "./state.ts";

/*
 * The forecast is a weighted sum of simple ones: the rates of the last 20 minutes to the last week, the season's, and the
 * season's at the recent level. The weights are learnt from every job by the expectation-maximisation rule of a mixture of
 * intensities: a part gets the share of jobs that it explained, over the jobs that it promised. So no pool needs a knob that
 * says whether its hours or its last minutes tell more.
 */

/** As many jobs are believed in beforehand, spread evenly over the parts. */
const PRIOR_JOBS = 5;
/** Jobs that the recent level is shrunk by. */
const LEVEL_PRIOR_JOBS = 3;

/** Carries fading rates on to `now`. */
export function fadeRates(recent: RecentRates, now: EpochMs): void {
  const elapsedMs = now - recent.at;
  if (elapsedMs <= 0) return;
  RECENT_SPANS_MS.forEach((spanMs, k) => {
    recent.rates[k] = (recent.rates[k] ?? 0) * Math.exp(-elapsedMs / spanMs);
  });
  recent.at = now;
}

/** Counts one job at the instant the rates stand at. */
export function countJob(recent: RecentRates): void {
  RECENT_SPANS_MS.forEach((spanMs, k) => {
    recent.rates[k] = (recent.rates[k] ?? 0) + 1 / spanMs;
  });
}

/** Answers the forecasts of all parts for one window after `recent.at`, in jobs a millisecond. */
export function partsOf(state: TargetState, recent: RecentRates): number[] {
  const season = seasonRate(state.season, recent.at + state.windowMs);
  const { seen, bySeason } = state.level;
  return [...recent.rates, season, (season * (seen + LEVEL_PRIOR_JOBS)) / (bySeason + LEVEL_PRIOR_JOBS)];
}

/** Answers the weighted forecast, in jobs a millisecond, > 0. */
export function mixOf({ mix }: TargetState, parts: readonly number[]): number {
  let rate = FIRST_RATE * 1e-6;
  for (let k = 0; k < PARTS; k++) rate += (mix.weights[k] ?? 0) * (parts[k] ?? 0);
  return rate;
}

/** Learns from a job that came when the parts had forecast so much. */
export function learnJob({ mix }: TargetState, parts: readonly number[], rate: number): void {
  for (let k = 0; k < PARTS; k++) {
    mix.explained[k] = (mix.explained[k] ?? 0) + ((mix.weights[k] ?? 0) * (parts[k] ?? 0)) / rate;
    mix.weights[k] = ((mix.explained[k] ?? 0) + PRIOR_JOBS / PARTS) / ((mix.promised[k] ?? 0) + PRIOR_JOBS);
  }
}

/** Learns from a stretch of time for which the parts had forecast so much. */
export function learnTime({ mix }: TargetState, parts: readonly number[], elapsedMs: number): void {
  for (let k = 0; k < PARTS; k++) mix.promised[k] = (mix.promised[k] ?? 0) + (parts[k] ?? 0) * elapsedMs;
}
