import { tableFrom } from "../../src/commands/table.ts";
import type { BenchFacts } from "./facts.ts";
import { attained, goalText } from "./goals.ts";
import { comparableWith, isLoss, lastRatio } from "./history.ts";
import type { HistoryEntry } from "./history.ts";
import type { Comparison, Spread } from "./turns.ts";

/** One run, as `--json` and `--out` write it. */
export interface BenchResult {
  readonly facts: BenchFacts;
  readonly comparisons: readonly Comparison[];
}

/** Renders a run for a person, beside the last one of a comparable host. */
export async function reportFrom(result: BenchResult, history: readonly HistoryEntry[]): Promise<string> {
  const before = comparableWith(result.facts, history);
  const rows = result.comparisons.flatMap((comparison) => rowsFrom(comparison, lastRatio(comparison.title, before)));
  return `${hostFrom(result.facts)}\n\n${await tableFrom(["", "min", "median", "max"], rows)}\n`;
}

function rowsFrom(comparison: Comparison, before: Spread | undefined): string[][] {
  const { title, unit, rounds, ways, ratio, difference, goal } = comparison;
  const rows = [
    [`${title} (${rounds} ${unit === "MB" ? "readings" : "rounds"})`, " ", " ", " "],
    ...ways.map(({ name, spread }) => [`  ${name}`, ...cellsFrom(spread, ` ${unit}`)]),
    ["  ratio, the second to the first", ...cellsFrom(ratio, "×")],
  ];
  if (before !== undefined) rows.push([`  ratio, ${wordFrom(ratio, before)}`, ...cellsFrom(before, "×")]);
  if (difference !== undefined) rows.push(["  the second less the first", ...cellsFrom(difference, ` ${unit}`)]);
  if (goal !== undefined) {
    const isMet = attained(comparison, goal);
    rows.push([`  goal, ${isMet ? "met" : "MISSED"}`, " ", goalText(comparison, goal), " "]);
  }
  return rows;
}

const wordFrom = (ratio: Spread, before: Spread): string => {
  if (isLoss(ratio, before)) return "WORSE than last time:";
  return isLoss(before, ratio) ? "better than last time:" : "last time:";
};

function hostFrom(facts: BenchFacts): string {
  const { cores, processor, memoryMiB, kernel, node, qemu, accelerator, loadAtStart } = facts;
  const machines = accelerator === undefined ? "" : `, QEMU ${qemu} under ${accelerator}`;
  return `${cores} cores (${processor}), ${memoryMiB} MiB, ${kernel}, Node ${node}${machines}; load at the start ${loadAtStart.toFixed(2)}`;
}

const cellsFrom = ({ min, median, max }: Spread, unit: string): string[] =>
  [min, median, max].map((value) => `${numberFrom(value)}${unit}`);

/** Three digits that count, and no more than one behind the point from ten up. */
const numberFrom = (value: number): string => (value < 10 ? value.toPrecision(3) : value.toFixed(1));
