import type { DesiredPool } from "../../domain/pool.ts";
import { cutArrivals } from "./arrivals.ts";
import { limitsOf, tryAsked } from "./asked.ts";
import type { AskedPolicy } from "./asked.ts";
import { machineReadyTimes } from "./baseStock.ts";
import { attainedBy } from "./frontier.ts";
import type { Attained } from "./frontier.ts";
import { bestConstant, bestScaleFactor, leastLevel, leastWhere } from "./hindsight.ts";
import { mostAtOnce } from "./peak.ts";
import { DAY_MS, HOUR_MS } from "./target/state.ts";
import { tryConstant } from "./trial.ts";
import type { Limits, Trial } from "./trial.ts";

/** What a setting did in the weeks that it was not chosen on. */
export interface HeldOut {
  readonly share: number;
  /** Of each whole week, oldest first. */
  readonly shareByWeek: readonly number[];
  /** Idle machine-hours and boots that served nobody, a day. */
  readonly idleHoursPerDay: number;
}

/** One setting that could be written, with what it did. */
export interface Candidate {
  readonly kind: "now" | "static" | "scale_factor" | "schedule" | "target";
  readonly asked: AskedPolicy;
  /** In the weeks that it was chosen on. */
  readonly fitted: Attained;
  readonly isReached: boolean;
  /** Absent where there are too few weeks to hold some out. */
  readonly heldOut?: HeldOut | undefined;
}

/** What a pool should be told. */
export interface Recommendation {
  /** What the config says now, first; then what was fitted. */
  readonly candidates: readonly Candidate[];
  /** The cheapest of those that reach the goal where they were fitted, the simplest of those alike; undefined where none does. */
  readonly chosen: Candidate | undefined;
  /** Limits of the pool that must be raised for that, with what they must be at the least. */
  readonly raised: Partial<Pick<Limits, "maxMachines" | "maxGrowthRate">>;
  /** Whole weeks that were held out. */
  readonly weeksHeldOut: number;
}

const WEEK_MS = 7 * DAY_MS;
/** Fewer whole weeks than this are all needed for the fit. */
const MIN_WEEKS = 3;
/** Costs that differ by no more than this share are alike: another week would bring another order. */
const ALIKE = 0.01;
/** Quiet levels that a schedule is tried with. */
const MAX_QUIET = 8;

/**
 * Fits each kind of setting to the first two thirds of the weeks, and judges it by the others. Yields between two replays, so that
 * who runs it may stop. @param canTarget whether a target is a setting that the config takes
 */
export function* recommend(whole: Trial, pool: DesiredPool, canTarget: boolean): Generator<void, Recommendation> {
  const { fit, rest, weeksHeldOut } = split(whole);
  const { limits, raised } = limitsFor(fit, limitsOf(pool));
  const [fitted, unseen] = [{ ...fit, limits }, rest && { ...rest, limits }];
  const wide = { ...pool, maxMachines: limits.maxMachines, maxGrowthRate: limits.maxGrowthRate };
  const asked: (readonly [Candidate["kind"], AskedPolicy | undefined])[] = [
    ["now", { kind: "pool", pool }],
    ["static", (yield* silently(bestConstant(fitted))).asked],
    ["scale_factor", (yield* silently(bestScaleFactor(fitted))).asked],
    ["schedule", yield* fitSchedule(fitted, wide)],
    ...(canTarget ? [["target", { kind: "target", share: whole.share, waitMs: whole.waitMs }] as const] : []),
  ];
  const candidates: Candidate[] = [];
  for (const [kind, one] of asked) {
    yield;
    if (one !== undefined) candidates.push(judge(kind, one, fitted, unseen));
  }
  return { candidates, chosen: choose(candidates), raised, weeksHeldOut };
}

/** Of settings that cost alike, the simplest: they stand in that order. */
function choose(candidates: readonly Candidate[]): Candidate | undefined {
  const fitting = candidates.filter(({ kind, isReached }) => kind !== "now" && isReached);
  const least = Math.min(...fitting.map(({ fitted }) => fitted.idleMinutes));
  return fitting.find(({ fitted }) => fitted.idleMinutes <= least * (1 + ALIKE));
}

function split(whole: Trial): { fit: Trial; rest: Trial | undefined; weeksHeldOut: number } {
  const { from, to, arrivals, before } = whole;
  const weeks = Math.floor((to - from) / WEEK_MS);
  if (weeks < MIN_WEEKS) return { fit: whole, rest: undefined, weeksHeldOut: 0 };
  const weeksHeldOut = Math.ceil(weeks / 3);
  const at = from + (weeks - weeksHeldOut) * WEEK_MS;
  const [first, second] = [cutArrivals(arrivals, from, at), cutArrivals(arrivals, at, to)];
  const known = new Float64Array(before.length + second.before.length);
  known.set(before);
  known.set(second.before, before.length);
  const fit = { ...whole, arrivals: first.arrivals, to: at };
  return { fit, rest: { ...whole, arrivals: second.arrivals, before: known, from: at }, weeksHeldOut };
}

/** Leaves the pool's limits as they are where the goal can be reached within them, else raises those that forbid it. */
function limitsFor(fit: Trial, own: Limits): { limits: Limits; raised: Recommendation["raised"] } {
  const level = leastLevel(fit);
  const isReached = (limits: Limits): boolean =>
    attainedBy(tryConstant({ ...fit, limits }, level).outcome, fit.waitMs).share >= fit.share;
  if (isReached(own)) return { limits: own, raised: {} };
  const { readyAt } = fit.arrivals;
  const { outcome } = tryConstant(
    { ...fit, limits: { ...own, maxMachines: Infinity, maxGrowthRate: Infinity } },
    level,
  );
  const maxGrowthRate = Math.max(
    own.maxGrowthRate,
    mostAtOnce(readyAt, machineReadyTimes(readyAt, fit.bootMsOf)),
    level,
  );
  const maxMachines = Math.max(own.maxMachines, outcome.peakMachines);
  const growing = { ...own, maxGrowthRate };
  if (isReached(growing)) return { limits: growing, raised: { maxGrowthRate } };
  const wide = { ...own, maxMachines };
  if (isReached(wide)) return { limits: wide, raised: { maxMachines } };
  return { limits: { ...own, maxMachines, maxGrowthRate }, raised: { maxMachines, maxGrowthRate } };
}

function* silently<Result>(search: Generator<unknown, Result>): Generator<void, Result> {
  for (;;) {
    const next = search.next();
    if (next.done === true) return next.value;
    yield;
  }
}

/** Two levels, by the hours of weekdays in which most jobs come. Undefined where no hour stands out. */
function* fitSchedule(trial: Trial, pool: DesiredPool): Generator<void, AskedPolicy | undefined> {
  const periods = busyPeriods(trial.arrivals.readyAt);
  if (periods === undefined) return undefined;
  const most = leastLevel(trial) + 2;
  let best: { readonly asked: AskedPolicy; readonly idleMinutes: number } | undefined;
  for (let quiet = 0; quiet <= Math.min(MAX_QUIET, most); quiet++) {
    const askedAt = (busy: number): AskedPolicy => ({ kind: "pool", pool: scheduled(pool, quiet, busy, periods) });
    const attainedAt = (busy: number): Attained => attainedBy(tryAsked(trial, askedAt(busy)).outcome, trial.waitMs);
    yield;
    if (attainedAt(most).share < trial.share) continue;
    const busy = leastWhere(quiet - 1, most, (level) => attainedAt(level).share >= trial.share);
    const { idleMinutes } = attainedAt(busy);
    if (best === undefined || idleMinutes < best.idleMinutes) best = { asked: askedAt(busy), idleMinutes };
  }
  return best?.asked;
}

function scheduled(pool: DesiredPool, quiet: number, busy: number, periods: readonly string[]): DesiredPool {
  const { idleScaleFactor: _, idleCountMin: __, idleCountMax: ___, ...plain } = pool;
  const section = { periods, timezone: "UTC", idleCount: busy };
  return { ...plain, idleCount: quiet, schedule: [section] };
}

/**
 * Cron periods, in UTC, of the hours of weekdays around which the quietest hours in a row lie: those in which no more jobs come
 * than in the mean hour. Undefined where no hour stands out. Working hours that last over UTC's midnight end on the next day.
 */
function busyPeriods(readyAt: Float64Array): readonly string[] | undefined {
  const jobs = Array.from({ length: 24 }, () => 0);
  for (const at of readyAt) {
    const hour = Math.floor(at / HOUR_MS) % 24;
    jobs[hour] = (jobs[hour] ?? 0) + 1;
  }
  const isBusy = (hour: number): boolean => (jobs[hour % 24] ?? 0) > readyAt.length / 24;
  let quiet = { from: 0, hours: 0 };
  for (let from = 0; from < 24; from++) {
    let hours = 0;
    while (hours < 24 && !isBusy(from + hours)) hours += 1;
    if (hours > quiet.hours) quiet = { from, hours };
  }
  if (quiet.hours === 0 || quiet.hours === 24) return undefined;
  const [first, last] = [(quiet.from + quiet.hours) % 24, (quiet.from + 23) % 24];
  if (first <= last) return [`* ${first}-${last} * * mon-fri`];
  return [`* ${first}-23 * * mon-fri`, `* 0-${last} * * tue-sat`];
}

function judge(kind: Candidate["kind"], asked: AskedPolicy, fit: Trial, rest: Trial | undefined): Candidate {
  const fitted = attainedBy(tryAsked(fit, asked).outcome, fit.waitMs);
  return { kind, asked, fitted, isReached: fitted.share >= fit.share, heldOut: rest && heldOutBy(rest, asked) };
}

function heldOutBy(rest: Trial, asked: AskedPolicy): HeldOut {
  const { outcome } = tryAsked(rest, asked);
  const { from, to, arrivals, waitMs } = rest;
  const shareByWeek: number[] = [];
  let n = 0;
  for (let end = from + WEEK_MS; end <= to; end += WEEK_MS) {
    let [jobs, within] = [0, 0];
    for (; (arrivals.readyAt[n] ?? Infinity) < end; n++) {
      jobs += 1;
      if ((outcome.waitMs[n] ?? 0) <= waitMs) within += 1;
    }
    if (jobs > 0) shareByWeek.push(within / jobs);
  }
  const idleHoursPerDay = (outcome.idleMs + outcome.wastedBootMs) / HOUR_MS / ((to - from) / DAY_MS);
  return { share: attainedBy(outcome, waitMs).share, shareByWeek, idleHoursPerDay };
}
