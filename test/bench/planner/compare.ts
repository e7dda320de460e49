import { setImmediate } from "node:timers/promises";
import type { Attained } from "../../../src/planning/capacity/frontier.ts";
import { frontierOf, idleMinutesAt } from "../../../src/planning/capacity/frontier.ts";
import { DAY_MS } from "../../../src/planning/capacity/target/state.ts";
import { oracles, runTarget, scaleFactors, schedules, staticFrontier } from "./rows.ts";
import type { TargetRow } from "./rows.ts";
import { stagesFrom } from "./stages.ts";
import { cutArrivals } from "../../../src/planning/capacity/arrivals.ts";
import type { Stretch } from "./stretch.ts";

/** The target policy at one promise, and what others pay for the share that it attained; undefined where they attain it with no setting. */
export interface Comparison {
  readonly trace: string;
  readonly jobs: number;
  readonly target: TargetRow;
  readonly staticMinutes: number | undefined;
  readonly scaleFactorMinutes: number | undefined;
  readonly scheduleMinutes: number | undefined;
  readonly oracleMinutes: number | undefined;
}

/** The same for pipelines of two stages: with the second known beforehand, and without. */
export interface StagedComparison {
  readonly sigma: number;
  readonly jobs: number;
  readonly target: TargetRow;
  readonly staticMinutes: number | undefined;
  readonly blind: { readonly target: TargetRow; readonly staticMinutes: number | undefined };
}

const PROMISES = [0.95, 0.99];
const MAX_LEVEL = 30;
const MAX_STAGED_LEVEL = 120;
const SIGMAS = [0.2, 0.5, 0.8];
/** Two months of pipelines, as the facts had. */
const STAGED_FROM = Date.UTC(2014, 2, 1);
const STAGED_TO = Date.UTC(2014, 4, 1);

/** Compares on one trace. The others' settings are all tried on the very arrivals that they are judged on: they have hindsight. */
export async function compareStretch(stretch: Stretch, signal: AbortSignal): Promise<Comparison[]> {
  const constant = staticFrontier(stretch, MAX_LEVEL);
  const [factors, hours, oracle] = [
    frontierOf(await gather(scaleFactors(stretch), signal)),
    frontierOf(await gather(schedules(stretch), signal)),
    frontierOf(await gather(oracles(stretch), signal)),
  ];
  return PROMISES.map((promised) => {
    const target = runTarget(stretch, promised);
    return {
      trace: stretch.name,
      jobs: stretch.arrivals.readyAt.length,
      target,
      staticMinutes: idleMinutesAt(constant, target.share),
      scaleFactorMinutes: idleMinutesAt(factors, target.share),
      scheduleMinutes: idleMinutesAt(hours, target.share),
      oracleMinutes: idleMinutesAt(oracle, target.share),
    };
  });
}

/** Compares on pipelines of two stages made from a trace's arrivals. */
export async function compareStages(stretch: Stretch, signal: AbortSignal): Promise<StagedComparison[]> {
  // A stretch cut short by --days lies before it, and gives its own days.
  const from = stretch.to > STAGED_FROM + DAY_MS ? STAGED_FROM : stretch.from;
  const cut = cutArrivals(stretch.arrivals, from, Math.min(stretch.to, STAGED_TO));
  const pipelines = { ...cut, name: stretch.name, before: Float64Array.from([...stretch.before, ...cut.before]) };
  const comparisons: StagedComparison[] = [];
  for (const sigma of SIGMAS) {
    const { stretch: staged, firstBefore, announced } = stagesFrom(pipelines, sigma);
    const constant = staticFrontier(staged, MAX_STAGED_LEVEL);
    for (const promised of PROMISES) {
      const target = runTarget({ ...staged, before: firstBefore }, promised, announced());
      await breathe(signal);
      const blind = runTarget(staged, promised);
      await breathe(signal);
      comparisons.push({
        sigma,
        jobs: staged.arrivals.readyAt.length,
        target,
        staticMinutes: idleMinutesAt(constant, target.share),
        blind: { target: blind, staticMinutes: idleMinutesAt(constant, blind.share) },
      });
    }
  }
  return comparisons;
}

/** Takes one result after another, and lets signals in between. */
async function gather(points: Generator<Attained>, signal: AbortSignal): Promise<Attained[]> {
  const all: Attained[] = [];
  for (const point of points) {
    all.push(point);
    await breathe(signal);
  }
  return all;
}

async function breathe(signal: AbortSignal): Promise<void> {
  await setImmediate();
  signal.throwIfAborted();
}
