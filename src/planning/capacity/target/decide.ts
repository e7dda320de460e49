import type { EpochMs } from "../../../domain/ids.ts";
import { fadeRates, mixOf, partsOf } from "./forecast.ts";
import { withExpected } from "./known.ts";
import type { ExpectedJobs } from "./known.ts";
import { keepPriced } from "./price.ts";
import { levelAt, rowFor } from "./prices.ts";
import { HOUR_MS, MINUTE_MS } from "./state.ts";
import type { TargetState } from "./state.ts";

/** What the operator asks for, and what bounds the answer. */
export interface TargetSettings {
  /** Share of jobs that wait no longer than `waitMs`, in (0, 1). */
  readonly share: number;
  /** In milliseconds, ≥ 0. */
  readonly waitMs: number;
  /** From order to ready machine, as it is planned for: see bootTimes.ts. In milliseconds, > 0. */
  readonly bootMs: number;
  /** A lower level is taken when none higher was asked for during so long. In milliseconds, ≥ 0. */
  readonly holdMs: number;
  /** What the level may not pass, by name: max_machines, a quota, a budget. */
  readonly caps: readonly { readonly name: string; readonly level: number }[];
}

/** Why the level is what it is. */
export interface LevelDecision {
  readonly level: number;
  /** `price`: one more costs too much · `wait-covers-boot`: no idle machine is needed · `hold`: not lowered yet · else a cap's name. */
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
  keepPriced(state, settings.share, now);
  const recent = { at: state.recent.at, rates: [...state.recent.rates] };
  fadeRates(recent, now);
  const parts = partsOf(state, recent);
  const rate = mixOf(state, parts);
  const unannounced = rowFor(state, rate * state.windowMs);
  const row = withExpected(unannounced, expected, now, state.windowMs);
  const price = state.basePrice * Math.exp(state.correction);
  const background = levelAt(unannounced.prices, price);
  const asked = Math.max(background, levelAt(row.prices, price));
  // What was known to come and has come is not held back: its machines would be ordered a second time.
  const held = holdLevel(state, background, settings.holdMs, recent.rates[0] ?? 0, now) + asked - background;
  const cap = settings.caps.reduce((least, each) => (each.level < least.level ? each : least), {
    name: held > asked ? "hold" : "price",
    level: held,
  });
  const level = Math.max(0, cap.level);
  const decision = {
    level,
    binding: cap.name,
    asked,
    forecastPerHour: rate * HOUR_MS,
    price,
    lastPrice: level === 0 ? 0 : (row.prices[level - 1] ?? Infinity),
    nextPrice: row.prices[level] ?? Infinity,
    missedWithoutLastPerHour: level === 0 ? 0 : ((row.jobRates[level - 1] ?? 0) * HOUR_MS) / MINUTE_MS,
  };
  return { ...decision, why: whyLevel(decision, settings, expected.length) };
}

/** Raises at once; lowers to the highest that was asked for during `holdMs`. */
function holdLevel(state: TargetState, asked: number, holdMs: number, recentRate: number, now: EpochMs): number {
  const { held } = state;
  if (asked >= held.level) {
    Object.assign(held, { level: asked, recentRate, belowSince: -1, highestBelow: 0 });
    return held.level;
  }
  if (held.belowSince < 0) Object.assign(held, { belowSince: now, highestBelow: asked });
  held.highestBelow = Math.max(held.highestBelow, asked);
  // A forecast alone lowers nothing: fewer jobs must have come, too, than when the level was last called for.
  if (now - held.belowSince >= holdMs && recentRate < held.recentRate) {
    Object.assign(held, { level: held.highestBelow, recentRate, belowSince: -1, highestBelow: 0 });
  }
  return held.level;
}

function nothingNeeded({ waitMs, bootMs, share }: TargetSettings): LevelDecision {
  const why = `a job may wait ${seconds(waitMs)} and a boot takes ${seconds(bootMs)}: no idle machine is needed`;
  const rest = { forecastPerHour: 0, price: 0, lastPrice: 0, nextPrice: 0, missedWithoutLastPerHour: 0 };
  return { level: 0, binding: "wait-covers-boot", asked: 0, ...rest, why: `${why} for ${percent(share)}` };
}

type Reasons = Omit<LevelDecision, "why">;

function whyLevel(decision: Reasons, { share, waitMs, caps }: TargetSettings, expected: number): string {
  const { level, binding, asked, forecastPerHour, price, lastPrice, nextPrice, missedWithoutLastPerHour } = decision;
  const known = expected === 0 ? "" : `, and ${expected} known to come,`;
  const forecast = `for ${percent(share)} of jobs within ${seconds(waitMs)}, at ${round(forecastPerHour)} jobs an hour${known}`;
  const rule = `a job served in time may cost ${round(price)} idle minutes`;
  const last = level === 0 ? "" : `; machine ${level} costs ${round(lastPrice)}`;
  const next = `one more ${nextPrice === Infinity ? "serves nobody" : `${round(nextPrice)}`}`;
  const runnerUp = level === 0 ? "" : `; one less would let ${round(missedWithoutLastPerHour)} jobs an hour wait`;
  const bound =
    binding === "price"
      ? ""
      : binding === "hold"
        ? `; ${asked} would do, which is not trusted yet`
        : `; ${asked} were asked for, ${binding} allows ${caps.find(({ name }) => name === binding)?.level}`;
  return `${level} ${forecast}: ${rule}${last}, ${next}${runnerUp}${bound}`;
}

const percent = (share: number): string => `${round(share * 100)} %`;
const seconds = (ms: number): string => `${round(ms / 1000)} s`;
const round = (value: number): number => Number(value.toPrecision(3));
