import { shortened } from "./frontier.ts";
import { linearScale } from "./scale.ts";
import { lineAt, pathThrough, svgFrom, textAt } from "./svg.ts";

const [WIDTH, HEIGHT] = [900, 380];
const PLOT = { left: 56, right: 880, top: 84, bottom: 324 };
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** More lines than this hide each other. */
export const MAX_LINES = 4;

/** The level of one policy over time. */
export interface LevelLine {
  readonly name: string;
  /** In each part of the stretch. */
  readonly levels: readonly number[];
  /** As `styleAt` gives it. */
  readonly style: number;
}

/** A stretch of time, in equal parts, and what is drawn of it. */
export interface LevelChart {
  /** For those who do not see it. */
  readonly label: string;
  readonly title: string;
  readonly from: number;
  readonly to: number;
  readonly partMs: number;
  /** What the levels have to cover in each part, drawn as an area below them. */
  readonly demand?: { readonly name: string; readonly values: readonly number[] } | undefined;
  /** At most `MAX_LINES`. */
  readonly lines: readonly LevelLine[];
  /** A sentence below. */
  readonly note: string;
}

/** Draws levels over time. */
export function levelsPicture({ label, title, from, to, partMs, demand, lines, note }: LevelChart): string {
  const top = Math.max(1, ...(demand?.values ?? []), ...lines.flatMap(({ levels }) => levels));
  const y = linearScale(top, [PLOT.bottom, PLOT.top]);
  const xAt = (at: number): number => PLOT.left + ((PLOT.right - PLOT.left) * (at - from)) / Math.max(1, to - from);
  const steps = (levels: readonly number[]): (readonly [number, number])[] =>
    levels.flatMap((level, n) => [
      [xAt(from + n * partMs), y.at(level)] as const,
      [xAt(Math.min(to, from + (n + 1) * partMs)), y.at(level)] as const,
    ]);
  const area =
    demand === undefined
      ? []
      : [[PLOT.left, PLOT.bottom] as const, ...steps(demand.values), [PLOT.right, PLOT.bottom] as const];
  return svgFrom(WIDTH, HEIGHT, label, [
    textAt([PLOT.left, 28], title, "title"),
    ...legend(demand?.name, lines),
    ...y.ticks.flatMap((tick) => [
      lineAt(PLOT.left, y.at(tick), PLOT.right, y.at(tick), "grid"),
      textAt([PLOT.left - 8, y.at(tick) + 4], String(tick), "soft", "end"),
    ]),
    ...(demand === undefined ? [] : [pathThrough(area, "demand")]),
    ...dayTicks(from, to).flatMap((at) => [
      lineAt(xAt(at), PLOT.top, xAt(at), PLOT.bottom + 5, "grid"),
      textAt([xAt(at) + 4, PLOT.bottom + 18], labelOf(at, to - from), "soft"),
    ]),
    lineAt(PLOT.left, PLOT.bottom, PLOT.right, PLOT.bottom, "axis"),
    ...lines.map(({ levels, style }) => pathThrough(steps(levels), `line l${style}`)),
    textAt([PLOT.left, PLOT.bottom + 42], note, "soft"),
  ]);
}

function legend(demand: string | undefined, lines: readonly LevelLine[]): string[] {
  const step = (PLOT.right - PLOT.left - 20) / (MAX_LINES + 1);
  const entries = [...(demand === undefined ? [] : [{ name: demand, style: -1 }]), ...lines];
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
