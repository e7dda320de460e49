import type { AskedPolicy } from "./asked.ts";
import { hourlySchedules, hourOracle, scaleFactorPolicy } from "./baselines.ts";
import { levelPoint, machineReadyTimes } from "./baseStock.ts";
import { attainedBy } from "./frontier.ts";
import type { Attained } from "./frontier.ts";
import type { LevelPolicy } from "./replay.ts";
import { MINUTE_MS } from "./target/state.ts";
import { tryConstant, tryPolicy } from "./trial.ts";
import type { Trial, Tried } from "./trial.ts";

/*
 * Policies whose one setting is chosen on the very arrivals that they are judged on: no operator has that. Each search yields
 * what every setting tried attained, so that who runs it may stop in between, and returns the cheapest one that serves the
 * share in time; where none does, the one that serves most.
 */

/** Constant levels from none to twice the best are told of, no more than so many. */
const SHOWN_LEVELS = 24;

/** A setting chosen in hindsight, and what it does. */
export interface Chosen extends Tried {
  /** The setting in words; empty where it takes more of them than anybody reads. */
  readonly setting: string;
  readonly isReached: boolean;
  readonly policy: LevelPolicy;
  /** The setting as a policy that anybody could ask for, where it is one. */
  readonly asked?: AskedPolicy | undefined;
}

type Search = Generator<Attained, Chosen>;

const FACTORS = [0.02, 0.05, 0.1, 0.25, 0.5, 1] as const;
/** Strengths 2^0 to 2^16 are looked through by halving, so often. */
const [MAX_STRENGTH, HALVINGS] = [16, 7];

/** The least constant level that would serve the share in time if no limit bound. */
export function* bestConstant(trial: Trial): Search {
  const level = leastLevel(trial);
  const { from, to, arrivals, waitMs } = trial;
  const stretch = { ...arrivals, machineReadyAt: machineReadyTimes(arrivals.readyAt, trial.bootMsOf), from, to };
  const most = Math.max(2, 2 * level);
  for (let shown = 0; shown <= most; shown += Math.ceil(most / SHOWN_LEVELS)) {
    const { share, idleMs } = levelPoint(stretch, shown, waitMs);
    yield { share, idleMinutes: idleMs / MINUTE_MS / Math.max(1, arrivals.readyAt.length) };
  }
  const tried = tryConstant(trial, level);
  const attained = attainedBy(tried.outcome, trial.waitMs);
  yield attained;
  return {
    ...tried,
    setting: `idle_count ${level}`,
    isReached: attained.share >= trial.share,
    policy: () => level,
    asked: { kind: "static", level },
  };
}

/** Finds the least constant level that serves the share in time where no limit binds, by closed form. */
export function leastLevel({ arrivals, from, to, bootMsOf, waitMs, share }: Trial): number {
  const { readyAt } = arrivals;
  const stretch = { readyAt, machineReadyAt: machineReadyTimes(readyAt, bootMsOf), from, to };
  const serves = (level: number): boolean => levelPoint(stretch, level, waitMs).share >= share;
  if (serves(0)) return 0;
  let [low, high] = [0, 1];
  while (!serves(high)) [low, high] = [high, high * 2];
  return leastWhere(low, high, serves);
}

/** GitLab's IdleScaleFactor with its IdleCountMin, both chosen. */
export function* bestScaleFactor(trial: Trial): Search {
  const most = Math.max(1, leastLevel(trial));
  let best: Chosen | undefined;
  for (const factor of FACTORS) {
    let [low, high] = [0, most];
    // The share never falls with the least count; the last one tried of those that reach it is the cheapest of this factor.
    while (low < high) {
      const idleCountMin = low + Math.max(1, (high - low) >> 1);
      const policy = scaleFactorPolicy(factor, idleCountMin);
      const setting = `idle_scale_factor ${factor}, idle_count_min ${idleCountMin}`;
      const asked = { kind: "scale_factor", factor, min: idleCountMin, max: Infinity } as const;
      const chosen = { ...chosenFrom(trial, policy, Infinity, setting), asked };
      yield attainedBy(chosen.outcome, trial.waitMs);
      best = betterOf(trial, best, chosen);
      if (chosen.isReached && high !== idleCountMin) high = idleCountMin;
      else if (chosen.isReached) break;
      else low = idleCountMin;
    }
  }
  return found(best);
}

/** The best schedule by hour of the week. */
export function* bestSchedule(trial: Trial): Search {
  const scheduleAt = hourlySchedules(knownStretch(trial));
  return yield* strongest(trial, (strength) => scheduleAt(2 ** strength));
}

/** Who knows the true rate of every hour, and takes it for Poisson's. */
export function* hourlyOracle(trial: Trial): Search {
  const oracleAt = hourOracle(knownStretch(trial));
  // Who may wait for a boot needs no idle machine, whatever the rate.
  const policyAt = (strength: number): LevelPolicy =>
    trial.waitMs >= trial.bootMs ? () => 0 : oracleAt(1 - 2 ** -strength);
  return yield* strongest(trial, policyAt);
}

function knownStretch({ arrivals, from, to, bootMs, waitMs }: Trial): Parameters<typeof hourOracle>[0] {
  return { readyAt: arrivals.readyAt, from, to, windowMs: Math.max(1, bootMs - waitMs) };
}

/** Finds the least strength that serves the share in time; the share never falls with it. */
function* strongest(trial: Trial, policyAt: (strength: number) => LevelPolicy): Search {
  let [low, high] = [0, MAX_STRENGTH];
  let best: Chosen | undefined;
  for (let halving = 0; halving <= HALVINGS; halving++) {
    const strength = halving === 0 ? MAX_STRENGTH : (low + high) / 2;
    const chosen = chosenFrom(trial, policyAt(strength), MINUTE_MS, "");
    yield attainedBy(chosen.outcome, trial.waitMs);
    best = betterOf(trial, best, chosen);
    if (!chosen.isReached && strength === MAX_STRENGTH) break;
    if (chosen.isReached) high = strength;
    else low = strength;
  }
  return found(best);
}

function chosenFrom(trial: Trial, policy: LevelPolicy, stepMs: number, setting: string): Chosen {
  const tried = tryPolicy(trial, policy, stepMs);
  const isReached = attainedBy(tried.outcome, trial.waitMs).share >= trial.share;
  return { ...tried, setting, isReached, policy };
}

/** Cheaper when both serve the share, else who serves more. */
function betterOf({ waitMs }: Trial, best: Chosen | undefined, chosen: Chosen): Chosen {
  if (best === undefined || (chosen.isReached && !best.isReached)) return chosen;
  if (best.isReached && !chosen.isReached) return best;
  const [a, b] = [attainedBy(best.outcome, waitMs), attainedBy(chosen.outcome, waitMs)];
  const isBetter = best.isReached ? b.idleMinutes < a.idleMinutes : b.share > a.share;
  return isBetter ? chosen : best;
}

/** The least of low + 1..high where it holds, given that it holds at `high`, and from there on. */
export function leastWhere(low: number, high: number, holds: (value: number) => boolean): number {
  let [below, above] = [low, high];
  while (above - below > 1) {
    const middle = (below + above) >> 1;
    if (holds(middle)) above = middle;
    else below = middle;
  }
  return above;
}

function found(best: Chosen | undefined): Chosen {
  if (best === undefined) throw new Error("Expected at least one setting to be tried");
  return best;
}
