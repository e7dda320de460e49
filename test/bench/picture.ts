import { goalText } from "./goals.ts";
import { comparableWith } from "./history.ts";
import type { HistoryEntry } from "./history.ts";
import type { BenchResult } from "./report.ts";
import type { Comparison, Spread } from "./turns.ts";

const [LABELS, WIDTH, ROW, HEAD, FOOT] = [330, 900, 26, 34, 30];
/** How many earlier runs stand beside the latest one, paler the older. */
const SHOWN_RUNS = 8;

/** Draws a run as SVG: a row a figure, its ratio on a scale of powers of ten, with spread, goal and earlier runs. */
export function pictureFrom({ facts, comparisons }: BenchResult, history: readonly HistoryEntry[]): string {
  const earlier = comparableWith(facts, history).slice(-SHOWN_RUNS);
  const rows = comparisons.map((comparison) => ({
    comparison,
    before: earlier.map(({ ratios }) => ratios[comparison.title]),
  }));
  const numbers = rows.flatMap(({ comparison: { ratio, goal }, before }) => [
    ...[ratio, ...before].flatMap((spread) => (spread === undefined ? [] : [spread.min, spread.max])),
    ...(goal?.of === "ratio" ? [goal.atMost] : []),
  ]);
  const x = scaleFrom(numbers);
  const height = HEAD + rows.length * ROW + FOOT;
  const bottom = height - FOOT;
  const ticks = x.powers.map((power) => {
    const at = x(10 ** power);
    return `${line(at, HEAD, at, bottom, power === 0 ? "#888" : "#ddd")}${text(at, bottom + 18, `${Number(`1e${power}`)}×`, "middle")}`;
  });
  const body = rows.map(({ comparison, before }, index) =>
    rowFrom(comparison, before, x, HEAD + index * ROW + ROW / 2),
  );
  const title = `ours divided by its peer or floor, less is better: ${facts.cores} cores (${facts.processor}), Node ${facts.node}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">`,
    "<title>How fast mayfly is</title>",
    `<rect width="100%" height="100%" fill="#fff"/>`,
    text(8, 20, title),
    ...ticks,
    ...body,
    "</svg>\n",
  ].join("\n");
}

interface Scale {
  (ratio: number): number;
  readonly powers: readonly number[];
}

function scaleFrom(numbers: readonly number[]): Scale {
  const logs = numbers.filter((number) => number > 0).map(Math.log10);
  const from = Math.floor(Math.min(0, ...logs));
  const to = Math.max(from + 1, Math.ceil(Math.max(0, ...logs)));
  const at = (ratio: number): number => LABELS + ((Math.log10(ratio) - from) / (to - from)) * (WIDTH - LABELS - 80);
  return Object.assign(at, { powers: Array.from({ length: to - from + 1 }, (_, index) => from + index) });
}

function rowFrom(comparison: Comparison, before: readonly (Spread | undefined)[], x: Scale, y: number): string {
  const { title, ratio, goal } = comparison;
  const old = before.map((spread, index) => {
    if (spread === undefined) return "";
    const opacity = ((index + 1) / (before.length + 1)) * 0.5;
    return `<circle cx="${x(spread.median)}" cy="${y}" r="4" fill="#888" opacity="${opacity}"/>`;
  });
  const mark = goal?.of === "ratio" ? line(x(goal.atMost), y - 9, x(goal.atMost), y + 9, "#c33", 2) : "";
  const told = goal === undefined ? "" : `; goal ${goalText(comparison, goal)}`;
  return [
    text(8, y + 4, title),
    ...old,
    line(x(ratio.min), y, x(ratio.max), y, "#369", 3),
    `<circle cx="${x(ratio.median)}" cy="${y}" r="5" fill="#036"><title>${ratio.median}${told}</title></circle>`,
    mark,
    text(WIDTH - 70, y + 4, `${ratio.median.toPrecision(3)}×`),
  ].join("");
}

const line = (x1: number, y1: number, x2: number, y2: number, color: string, width = 1): string =>
  `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${color}" stroke-width="${width}"/>`;

const text = (x: number, y: number, words: string, anchor = "start"): string =>
  `<text x="${x}" y="${y}" text-anchor="${anchor}">${words.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</text>`;
