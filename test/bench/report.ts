import { tableFrom } from "../../src/commands/output.ts";
import type { BenchFacts } from "./facts.ts";
import { MEMORY_GOAL_BYTES } from "./memory.ts";
import type { Comparison, Spread } from "./turns.ts";

/** One run, as `--json` and `--out` write it. */
export interface BenchResult {
  readonly facts: BenchFacts;
  readonly comparisons: readonly Comparison[];
  /** What a manager's resident memory must stay under. */
  readonly memoryGoalMB: number;
}

/** Puts a run together. */
export function resultFrom(facts: BenchFacts, comparisons: readonly Comparison[]): BenchResult {
  return { facts, comparisons, memoryGoalMB: MEMORY_GOAL_BYTES / 1_000_000 };
}

/** Renders a run for a person. */
export async function reportFrom({ facts, comparisons }: BenchResult): Promise<string> {
  const rows = comparisons.flatMap(({ title, unit, rounds, ways, ratio, difference, goal }) => [
    [`${title} (${rounds} ${unit === "MB" ? "readings" : "rounds"})`, " ", " ", " "],
    ...ways.map(({ name, spread }) => [`  ${name}`, ...cellsFrom(spread, ` ${unit}`)]),
    ["  ratio, the second to the first", ...cellsFrom(ratio, "×")],
    ...(difference === undefined ? [] : [["  the second less the first", ...cellsFrom(difference, ` ${unit}`)]]),
    ...(goal === undefined ? [] : [["  goal", " ", " ", goal]]),
  ]);
  const { cores, processor, memoryMiB, kernel, node, qemu, accelerator, loadAtStart } = facts;
  const host = `${cores} cores (${processor}), ${memoryMiB} MiB, ${kernel}, Node ${node}, QEMU ${qemu} under ${accelerator}`;
  return `${host}; load at the start ${loadAtStart.toFixed(2)}\n\n${await tableFrom(["", "min", "median", "max"], rows)}\n`;
}

const cellsFrom = ({ min, median, max }: Spread, unit: string): string[] =>
  [min, median, max].map((value) => `${value < 10 ? value.toFixed(2) : value.toFixed(1)}${unit}`);
