import type { EpochMs } from "../../../domain/ids.ts";
import { countJob, fadeRates, learnJob, learnTime, mixOf, partsOf } from "./forecast.ts";
import { countSeason, seasonRate } from "./season.ts";
import { createTables, DAY_MS, HOUR_MS, MINUTE_MS } from "./state.ts";
import type { TargetState } from "./state.ts";
import { countWindow, fadeTables } from "./windows.ts";

/** Half-lives of what was learnt. The season's is the four weeks of the facts; windows keep their shape for longer than that. */
const SEASON_HALF_LIFE_MS = 28 * DAY_MS;
const TABLES_HALF_LIFE_MS = 56 * DAY_MS;
/** The weights' own, and a quarter of the pool's age while that is less: what was learnt with early weights is worth little. */
const MIX_HALF_LIFE_MS = 30 * DAY_MS;
const LEVEL_SPAN_MS = 12 * HOUR_MS;
/** How far one job moves the price; the correction stays within a factor of e^3. */
const STEP = 0.01;
const MAX_CORRECTION = 3;
/** A boot time that has changed by more makes the old windows useless. */
const WINDOW_TOLERANCE = 0.25;

/** Takes note that time has passed without another job. Late calls catch up, minute by minute. */
export function observeTime(state: TargetState, now: EpochMs): void {
  for (; now - state.tickedAt >= MINUTE_MS; ) {
    state.tickedAt += MINUTE_MS;
    const at = state.tickedAt;
    moveLag(state, at - state.windowMs);
    const parts = partsOf(state, state.lagging);
    let held = state.window.length;
    while (held > 0 && (state.window[held - 1] ?? 0) > at) held -= 1;
    countWindow(state.tables.minutes, mixOf(state, parts) * state.windowMs, held);
    learnTime(state, parts, MINUTE_MS);
    countSeason(state.season.watchedMs, at, MINUTE_MS);
    const faded = Math.exp(-MINUTE_MS / LEVEL_SPAN_MS);
    state.level.seen *= faded;
    state.level.bySeason = state.level.bySeason * faded + seasonRate(state.season, at) * MINUTE_MS;
    if (at - state.fadedAt >= DAY_MS) fadeAll(state, at);
  }
}

/** Takes note of a job that nobody had announced. Jobs come oldest first; a late one counts as of the last. */
export function observeArrival(state: TargetState, readyAt: EpochMs): void {
  const at = Math.max(readyAt, state.recent.at);
  observeTime(state, at);
  moveLag(state, at - state.windowMs);
  const parts = partsOf(state, state.lagging);
  const rate = mixOf(state, parts);
  countWindow(state.tables.jobs, rate * state.windowMs, state.window.length);
  learnJob(state, parts, rate);
  countSeason(state.season.jobs, at, 1);
  state.level.seen += 1;
  state.window.push(at);
  fadeRates(state.recent, at);
  countJob(state.recent);
  state.jobsSeen += 1;
}

/**
 * Takes note whether a job waited no longer than promised, and moves the price so that the attained share comes to be the
 * promised one. Not to be told of jobs that waited for a limit: no level would have helped them.
 */
export function observeServed(state: TargetState, isInTime: boolean, share: number): void {
  const missed = 1 - share;
  const moved = state.correction + (STEP * ((isInTime ? 0 : 1) - missed)) / Math.sqrt(missed);
  state.correction = Math.min(MAX_CORRECTION, Math.max(-MAX_CORRECTION, moved));
}

/** Takes note of how long before a job its machine must be ordered. What windows held is forgotten when that has changed much. */
export function observeWindow(state: TargetState, windowMs: number): void {
  if (Math.abs(windowMs / state.windowMs - 1) <= WINDOW_TOLERANCE) return;
  state.windowMs = windowMs;
  Object.assign(state.tables, createTables());
  state.pricedAt = -1;
}

function moveLag(state: TargetState, to: EpochMs): void {
  let passed = 0;
  for (; (state.window[passed] ?? Infinity) <= to; passed++) {
    fadeRates(state.lagging, state.window[passed] ?? to);
    countJob(state.lagging);
  }
  if (passed > 0) state.window.splice(0, passed);
  fadeRates(state.lagging, to);
}

function fadeAll(state: TargetState, at: EpochMs): void {
  const elapsedMs = at - state.fadedAt;
  const fade = (values: number[], halfLifeMs: number): void => {
    for (let k = 0; k < values.length; k++) values[k] = (values[k] ?? 0) * 2 ** (-elapsedMs / halfLifeMs);
  };
  const mixHalfLifeMs = Math.min(MIX_HALF_LIFE_MS, Math.max(DAY_MS, (at - state.startedAt) / 4));
  fade(state.mix.explained, mixHalfLifeMs);
  fade(state.mix.promised, mixHalfLifeMs);
  fade(state.season.jobs, SEASON_HALF_LIFE_MS);
  fade(state.season.watchedMs, SEASON_HALF_LIFE_MS);
  fadeTables(state.tables, 2 ** (-elapsedMs / TABLES_HALF_LIFE_MS));
  state.fadedAt = at;
}
