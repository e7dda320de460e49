import { tableFrom } from "../../../src/commands/table.ts";
import type { Comparison, StagedComparison } from "./compare.ts";
import type { Speed } from "./speed.ts";
import type { YearReplay } from "./year.ts";

/** Renders a run for a person: costs in idle minutes a job, and what each policy costs more or less than the best constant level. */
export async function reportFrom(result: {
  readonly comparisons: readonly Comparison[];
  readonly stages: readonly StagedComparison[];
  readonly speed: Speed;
  readonly year: YearReplay;
}): Promise<string> {
  const { comparisons, stages, speed, year } = result;
  const rows = comparisons.map(({ trace, jobs, target, staticMinutes, ...others }) => [
    `${trace} (${jobs})`,
    percent(target.promised),
    percent(target.share, 2),
    `${target.weeksWithinAPoint}/${target.weeks} (${percent(target.worstWeekOff)})`,
    target.idleMinutes.toFixed(2),
    staticMinutes?.toFixed(2),
    change(target.idleMinutes, staticMinutes),
    change(others.scaleFactorMinutes, staticMinutes),
    change(others.scheduleMinutes, staticMinutes),
    change(others.oracleMinutes, staticMinutes),
  ]);
  const staged = stages.map(({ sigma, jobs, target, staticMinutes, blind }) => [
    `${sigma} (${jobs})`,
    percent(target.promised),
    percent(target.share, 2),
    target.idleMinutes.toFixed(2),
    staticMinutes?.toFixed(2),
    change(target.idleMinutes, staticMinutes),
    percent(blind.target.share, 2),
    change(blind.target.idleMinutes, blind.staticMinutes),
  ]);
  return [
    "Boot 90 s, a surplus machine kept for 10 min. Idle and wasted boot minutes a job, at the share that the target policy attained;",
    "what stands beside it chose its setting in hindsight, on the frontier of all its settings.\n",
    await tableFrom(TRACE_HEAD, rows),
    "\nPipelines of two stages, the first as on TravisTorrent in March and April 2014, its length known as a distribution:\n",
    await tableFrom(STAGE_HEAD, staged),
    `\nClosed form, 400,000 arrivals at 40 levels: ${speed.closedFormMs.toFixed(0)} ms of one core (goal 2000).`,
    `One pass over 100 pools: median ${speed.passMedianMs.toFixed(1)} ms, worst ${speed.passWorstMs.toFixed(1)} ms (goal 50).`,
    `A year of ${year.jobs} jobs through the manager's loop: ${(year.processorMs / 1000).toFixed(0)} s of one core (goal 60), ${year.peakMiB} MiB at the most (goal 512).\n`,
  ].join("\n");
}

const TRACE_HEAD = [
  "trace (jobs)",
  "promised",
  "attained",
  "weeks ±1 point (worst)",
  "target",
  "static",
  "target",
  "IdleScaleFactor",
  "by hour",
  "oracle",
];
const STAGE_HEAD = ["sigma (jobs)", "promised", "attained", "lookahead", "static", "change", "blind attained", "blind"];

const percent = (share: number, digits = 1): string => `${(share * 100).toFixed(digits)} %`;
const change = (minutes: number | undefined, staticMinutes: number | undefined): string | undefined =>
  minutes === undefined || staticMinutes === undefined
    ? undefined
    : `${minutes > staticMinutes ? "+" : "−"}${Math.abs((minutes / staticMinutes - 1) * 100).toFixed(1)} %`;
