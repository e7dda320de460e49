import { demandIn } from "../../../planning/capacity/week.ts";
import type { Trial } from "../../../planning/capacity/trial.ts";
import type { Comparison, PlanRow } from "../compare.ts";
import { shortened } from "./frontier.ts";
import { linearScale } from "./scale.ts";
import { lineAt, pathThrough, styleAt, svgFrom, textAt } from "./svg.ts";

const [WIDTH, HEIGHT] = [900, 380];
const PLOT = { left: 56, right: 880, top: 84, bottom: 324 };
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** More lines than this hide each other. */
const MAX_LINES = 4;

/** Draws the levels of the policies that were asked for, or of the best ones, over what came within one boot, in the busiest week. */
export function weekPicture({ rows, week }: Comparison, trial: Trial): string {
  const { from, to, partMs } = week;
  const demand = demandIn(week, trial.arrivals.readyAt, Math.max(1, trial.bootMs - trial.waitMs));
  const lines = linesOf(rows);
  const top = Math.max(1, ...demand, ...lines.flatMap(({ levels }) => levels));
  const y = linearScale(top, [PLOT.bottom, PLOT.top]);
  const xAt = (at: number): number => PLOT.left + ((PLOT.right - PLOT.left) * (at - from)) / Math.max(1, to - from);
  const steps = (levels: readonly number[]): (readonly [number, number])[] =>
    levels.flatMap((level, n) => [
      [xAt(from + n * partMs), y.at(level)] as const,
      [xAt(Math.min(to, from + (n + 1) * partMs)), y.at(level)] as const,
    ]);
  const area = [[PLOT.left, PLOT.bottom] as const, ...steps(demand), [PLOT.right, PLOT.bottom] as const];
  return svgFrom(WIDTH, HEIGHT, "The level of idle machines over the demand of a week", [
    textAt([PLOT.left, 28], `Machines kept ready, and jobs within one boot, from ${dayOf(from)} (UTC)`, "title"),
    ...legend(lines),
    ...y.ticks.flatMap((tick) => [
      lineAt(PLOT.left, y.at(tick), PLOT.right, y.at(tick), "grid"),
      textAt([PLOT.left - 8, y.at(tick) + 4], String(tick), "soft", "end"),
    ]),
    pathThrough(area, "demand"),
    ...dayTicks(from, to).flatMap((at) => [
      lineAt(xAt(at), PLOT.top, xAt(at), PLOT.bottom + 5, "grid"),
      textAt([xAt(at) + 4, PLOT.bottom + 18], labelOf(at, to - from), "soft"),
    ]),
    lineAt(PLOT.left, PLOT.bottom, PLOT.right, PLOT.bottom, "axis"),
    ...lines.map(({ levels, style }) => pathThrough(steps(levels), `line l${style}`)),
    textAt([PLOT.left, PLOT.bottom + 42], "Where the grey stands above a line, jobs wait.", "soft"),
  ]);
}

interface Line {
  readonly name: string;
  readonly levels: readonly number[];
  readonly style: number;
}

/** In the colours that they have in the other picture. */
function linesOf(rows: readonly PlanRow[]): Line[] {
  const lines = rows.map(({ name, levels, setting }, n) => ({ name, levels, setting, style: styleAt(n) }));
  const asked = lines.filter(({ setting }) => setting === undefined);
  return (asked.length > 0 ? asked : lines).slice(0, MAX_LINES);
}

function legend(lines: readonly Line[]): string[] {
  const step = (PLOT.right - PLOT.left - 20) / (MAX_LINES + 1);
  const entries = [{ name: "jobs within one boot", style: -1 }, ...lines];
  return entries.flatMap(({ name, style }, n) => {
    const x = PLOT.left + n * step + (n === 0 ? 0 : 20);
    const mark =
      style < 0
        ? pathThrough(
            [
              [x, 60],
              [x + 22, 60],
              [x + 22, 50],
              [x, 50],
            ],
            "demand",
          )
        : lineAt(x, 55, x + 22, 55, `line l${style}`);
    return [mark, textAt([x + 28, 59], shortened(name).slice(0, 20))];
  });
}

/** Midnights in UTC; for less than two days, every third hour. */
function dayTicks(from: number, to: number): number[] {
  const step = to - from < 2 * DAY_MS ? 3 * HOUR_MS : DAY_MS;
  const first = Math.ceil(from / step) * step;
  return Array.from({ length: Math.max(0, Math.ceil((to - first) / step)) }, (_, n) => first + n * step);
}

const labelOf = (at: number, lengthMs: number): string =>
  lengthMs < 2 * DAY_MS ? new Date(at).toISOString().slice(11, 16) : new Date(at).toUTCString().slice(0, 11);

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);
