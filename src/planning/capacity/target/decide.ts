import type { EpochMs } from "../../../domain/ids.ts";
import { fadeRates, mixOf, partsOf } from "./forecast.ts";
import { withExpected } from "./known.ts";
import type { ExpectedJobs } from "./known.ts";
import { keepPriced } from "./price.ts";
import { levelAt, rowFor } from "./prices.ts";
import { HOUR_MS, MINUTE_MS } from "./state.ts";
import type { HeldLevel, PriceRow, TargetState } from "./state.ts";

/** What the operator asks for, and what bounds the answer. */
export interface TargetSettings {
  /** Share of jobs that wait no longer than `waitMs`, in (0, 1). */
  readonly share: number;
  /** In milliseconds, ≥ 0. */
  readonly waitMs: number;
  /** What a job served in time may cost, in idle machine-minutes, where that was asked for and not the share. @default what the share needs */
  readonly price?: number | undefined;
  /** From order to ready machine, as it is planned for: see bootTimes.ts. In milliseconds, > 0. */
  readonly bootMs: number;
  /** A lower level is taken when none higher was asked for during so long. In milliseconds, ≥ 0. */
  readonly holdMs: number;
  /** What the level does not fall below, unless a cap does. @default 0 */
  readonly floor?: { readonly name: string; readonly level: number } | undefined;
  /** What the level may not pass, by name: max_machines, a quota, a budget. */
  readonly caps: readonly { readonly name: string; readonly level: number }[];
}

/** Name of the floor that holds while too few jobs were seen to know anything. */
export const COLD_START = "cold-start";

/** All that a decision is made from: plain data, which makes the same decision whenever it is asked. */
export interface LevelInputs {
  readonly settings: TargetSettings;
  readonly now: EpochMs;
  /** Jobs that the background is forecast to bring, an hour. */
  readonly forecastPerHour: number;
  /** What a job served in time may cost, in idle machine-minutes. */
  readonly price: number;
  /** What windows hold of what nobody has announced, and what machines for it cost. */
  readonly background: PriceRow;
  /** The same with what is known to come; absent where nothing is. */
  readonly withKnown?: PriceRow | undefined;
  /** Groups that are known to come. */
  readonly knownCount: number;
  /** The rate of the last minutes, in jobs a millisecond. */
  readonly recentRate: number;
  /** What the state held back before. */
  readonly held: HeldLevel;
}

/** Why the level is what it is. */
export interface LevelDecision {
  readonly level: number;
  /**
   * `price`: one more costs too much · `wait-covers-boot`: no idle machine is needed · `hold`: not lowered yet · else the name of
   * the cap or the floor.
   */
  readonly binding: string;
  /** What the price alone asks for. */
  readonly asked: number;
  readonly forecastPerHour: number;
  /** What a job served in time may cost, in idle machine-minutes. */
  readonly price: number;
  /** What the last machine, and one more, cost for each job that they serve in time; Infinity for one that serves none. */
  readonly lastPrice: number;
  readonly nextPrice: number;
  /** Jobs an hour that one machine less would let wait: the runner-up. */
  readonly missedWithoutLastPerHour: number;
  /** One sentence for a person. */
  readonly why: string;
}

/**
 * Decides the level for `now`: how many machines should be idle or booting beyond those that waiting jobs will take. The same
 * state, settings, expectation and moment give the same answer; the state changes in what it holds back and when it priced.
 * Call `observeTime` first, and `observeWindow` with the boot time less the wait.
 */
export function decideLevel(
  state: TargetState,
  settings: TargetSettings,
  expected: readonly ExpectedJobs[],
  now: EpochMs,
): LevelDecision {
  if (settings.waitMs >= settings.bootMs) return nothingNeeded(settings);
  const { decision, held } = decideFrom(levelInputs(state, settings, expected, now));
  Object.assign(state.held, held);
  return decision;
}

/** Gathers what a decision is made from; the state changes in when it priced alone. */
export function levelInputs(
  state: TargetState,
  settings: TargetSettings,
  expected: readonly ExpectedJobs[],
  now: EpochMs,
): LevelInputs {
  keepPriced(state, settings.share, now);
  const recent = { at: state.recent.at, rates: [...state.recent.rates] };
  fadeRates(recent, now);
  const rate = mixOf(state, partsOf(state, recent));
  const background = rowFor(state, rate * state.windowMs);
  const withKnown = withExpected(background, expected, now, state.windowMs);
  return {
    ...{ settings, now, background },
    forecastPerHour: rate * HOUR_MS,
    price: settings.price ?? state.basePrice * Math.exp(state.correction),
    withKnown: withKnown === background ? undefined : withKnown,
    knownCount: expected.length,
    recentRate: recent.rates[0] ?? 0,
    held: { ...state.held },
  };
}

/** Decides a level from what was gathered for it; answers what is held back from then on. Pure. */
export function decideFrom(inputs: LevelInputs): { readonly decision: LevelDecision; readonly held: HeldLevel } {
  const { settings, now, forecastPerHour, price, background, withKnown, knownCount, recentRate } = inputs;
  if (settings.waitMs >= settings.bootMs) return { decision: nothingNeeded(settings), held: inputs.held };
  const row = withKnown ?? background;
  const quiet = levelAt(background.prices, price);
  const asked = Math.max(quiet, levelAt(row.prices, price));
  const held = holdLevel(inputs.held, quiet, settings.holdMs, recentRate, now);
  // What was known to come and has come is not held back: its machines would be ordered a second time.
  const kept = held.level + asked - quiet;
  const bound = boundLevel(settings, { name: kept > asked ? "hold" : "price", level: kept });
  const level = Math.max(0, bound.level);
  const decision = {
    ...{ level, binding: bound.name, asked, forecastPerHour, price },
    lastPrice: level === 0 ? 0 : (row.prices[level - 1] ?? Infinity),
    nextPrice: row.prices[level] ?? Infinity,
    missedWithoutLastPerHour: level === 0 ? 0 : ((row.jobRates[level - 1] ?? 0) * HOUR_MS) / MINUTE_MS,
  };
  return { decision: { ...decision, why: whyLevel(decision, settings, knownCount) }, held };
}

interface NamedLevel {
  readonly name: string;
  readonly level: number;
}

function boundLevel({ floor, caps }: TargetSettings, kept: NamedLevel): NamedLevel {
  const raised = floor !== undefined && floor.level > kept.level ? floor : kept;
  return caps.reduce((least, each) => (each.level < least.level ? each : least), raised);
}

/** Raises at once; lowers to the highest that was asked for during `holdMs`. */
function holdLevel(held: HeldLevel, asked: number, holdMs: number, recentRate: number, now: EpochMs): HeldLevel {
  if (asked >= held.level) return { level: asked, recentRate, belowSince: -1, highestBelow: 0 };
  const belowSince = held.belowSince < 0 ? now : held.belowSince;
  const highestBelow = Math.max(held.belowSince < 0 ? asked : held.highestBelow, asked);
  // A forecast alone lowers nothing: fewer jobs must have come, too, than when the level was last called for.
  if (now - belowSince >= holdMs && recentRate < held.recentRate)
    return { level: highestBelow, recentRate, belowSince: -1, highestBelow: 0 };
  return { ...held, belowSince, highestBelow };
}

function nothingNeeded({ waitMs, bootMs, share }: TargetSettings): LevelDecision {
  const why = `a job may wait ${seconds(waitMs)} and a boot takes ${seconds(bootMs)}: no idle machine is needed`;
  const rest = { forecastPerHour: 0, price: 0, lastPrice: 0, nextPrice: 0, missedWithoutLastPerHour: 0 };
  return { level: 0, binding: "wait-covers-boot", asked: 0, ...rest, why: `${why} for ${percent(share)}` };
}

type Reasons = Omit<LevelDecision, "why">;

function whyLevel(decision: Reasons, settings: TargetSettings, expected: number): string {
  const { share, waitMs } = settings;
  const { level, binding, asked, forecastPerHour, price, lastPrice, nextPrice, missedWithoutLastPerHour } = decision;
  const known = expected === 0 ? "" : `, and ${expected} known to come,`;
  const aim = settings.price === undefined ? `${percent(share)} of jobs` : "jobs that pay for it";
  const forecast = `for ${aim} within ${seconds(waitMs)}, at ${round(forecastPerHour)} jobs an hour${known}`;
  const rule = `a job served in time may cost ${round(price)} idle minutes`;
  const last = level === 0 ? "" : `; machine ${level} costs ${round(lastPrice)}`;
  const next = `one more ${nextPrice === Infinity ? "serves nobody" : `${round(nextPrice)}`}`;
  const runnerUp = level === 0 ? "" : `; one less would let ${round(missedWithoutLastPerHour)} jobs an hour wait`;
  const bound = whyBound(binding, asked, settings);
  return `${level} ${forecast}: ${rule}${last}, ${next}${runnerUp}${bound}`;
}

function whyBound(binding: string, asked: number, { floor, caps }: TargetSettings): string {
  if (binding === "price") return "";
  if (binding === "hold") return `; ${asked} would do, which is not trusted yet`;
  if (binding === COLD_START) return `; ${asked} would do, which is not trusted before more jobs were seen`;
  if (binding === floor?.name) return `; ${asked} would do, ${binding} is ${floor.level}`;
  return `; ${asked} were asked for, ${binding} allows ${caps.find(({ name }) => name === binding)?.level}`;
}

const percent = (share: number): string => `${round(share * 100)} %`;
const seconds = (ms: number): string => `${round(ms / 1000)} s`;
const round = (value: number): number => Number(value.toPrecision(3));
