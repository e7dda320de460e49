import { frontierOf } from "../../../planning/capacity/frontier.ts";
import type { Attained } from "../../../planning/capacity/frontier.ts";
import type { Comparison } from "../compare.ts";
import { linearScale, logScale } from "./scale.ts";
import { lineAt, pathThrough, pointAt, styleAt, svgFrom, textAt } from "./svg.ts";

const [WIDTH, HEIGHT] = [900, 480];
const PLOT = { left: 70, right: 620, top: 60, bottom: 420 };
/** Fewer late jobs than this are drawn as this. */
const LEAST_LATE = 0.0005;

type Point = readonly [number, number];

/**
 * Draws what each policy costs against the jobs that it lets wait for too long: to the left and down is better. Lines are all
 * settings of those that know the arrivals, with a ring around the one that was chosen.
 */
export function frontierPicture(
  { rows, tried }: Comparison,
  goal: { readonly share: number; readonly within: string },
): string {
  const asked = rows.filter(({ setting }) => setting === undefined);
  const chosen = rows.filter(({ setting }) => setting !== undefined);
  const costs = rows.map(({ attained }) => attained.idleMinutes);
  const lates = rows.map(({ attained }) => 1 - attained.share);
  const x = linearScale(Math.max(0.1, ...costs) * 1.15, [PLOT.left, PLOT.right]);
  const most = Math.min(1, Math.max(0.2, ...lates, 1 - goal.share) * 1.3);
  const y = logScale(LEAST_LATE, most, [PLOT.bottom, PLOT.top]);
  const placeOf = ({ idleMinutes, share }: Attained): Point => [x.at(idleMinutes), y.at(1 - share)];
  const isShown = ({ idleMinutes, share }: Attained): boolean =>
    x.at(idleMinutes) <= PLOT.right + 0.1 && 1 - share <= most;

  const lines = chosen.map(({ name, attained }, n) => {
    const points = frontierOf(tried.get(name) ?? [])
      .filter(isShown)
      .map(placeOf);
    const style = styleAt(n + asked.length);
    return [pathThrough(points, `line l${style}`), pointAt(placeOf(attained), n + asked.length, `ring p${style}`)].join(
      "",
    );
  });
  const marks = asked.map(({ attained }, n) => pointAt(placeOf(attained), n, `p${styleAt(n)}`));
  const goalY = y.at(1 - goal.share);
  return svgFrom(WIDTH, HEIGHT, "What each policy costs against the jobs that wait too long", [
    textAt([PLOT.left, 28], "Cost against waiting", "title"),
    textAt([PLOT.left, 47], `jobs that wait longer than ${goal.within} (log)`, "soft"),
    ...x.ticks.flatMap((tick) => [
      lineAt(x.at(tick), PLOT.top, x.at(tick), PLOT.bottom, "grid"),
      textAt([x.at(tick), PLOT.bottom + 18], String(tick), "soft", "middle"),
    ]),
    ...y.ticks.flatMap((tick) => [
      lineAt(PLOT.left, y.at(tick), PLOT.right, y.at(tick), "grid"),
      textAt([PLOT.left - 8, y.at(tick) + 4], `${Number((tick * 100).toPrecision(2))} %`, "soft", "end"),
    ]),
    lineAt(PLOT.left, PLOT.bottom, PLOT.right, PLOT.bottom, "axis"),
    lineAt(PLOT.left, goalY, PLOT.right, goalY, "goal"),
    textAt([PLOT.right - 4, goalY - 5], `goal: ${Number((goal.share * 100).toFixed(2))} % in time`, "soft", "end"),
    textAt([(PLOT.left + PLOT.right) / 2, PLOT.bottom + 40], "idle and wasted machine-minutes a job", "soft", "middle"),
    ...lines,
    ...marks,
    ...legend(asked, chosen),
  ]);
}

function legend(asked: Comparison["rows"], chosen: Comparison["rows"]): string[] {
  const [left, step] = [PLOT.right + 24, 22];
  const entry = (row: number, name: string, mark: string): string[] => [
    mark,
    textAt([left + 36, PLOT.top + row * step + 4], shortened(name)),
  ];
  const yOf = (row: number): number => PLOT.top + row * step;
  return [
    ...asked.flatMap(({ name }, n) => entry(n, name, pointAt([left + 14, yOf(n)], n, `p${styleAt(n)}`))),
    ...chosen.flatMap(({ name }, n) => {
      const row = n + asked.length;
      const style = styleAt(row);
      const line = lineAt(left, yOf(row), left + 28, yOf(row), `line l${style}`);
      return entry(row, name, `${line}${pointAt([left + 14, yOf(row)], row, `ring p${style}`)}`);
    }),
    textAt([left, PLOT.top + (asked.length + chosen.length) * step + 14], "lines: chosen in hindsight,", "soft"),
    textAt([left, PLOT.top + (asked.length + chosen.length) * step + 32], "which nobody can beforehand", "soft"),
  ];
}

/** What fits beside a mark. */
export const shortened = (name: string): string => (name.length > 30 ? `${name.slice(0, 29)}…` : name);
