import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { BenchFacts } from "./facts.ts";
import type { BenchResult } from "./report.ts";
import type { Spread } from "./turns.ts";

/** One recorded run: nothing in it tells whose host it was. Parts that were not run are not in it. */
export interface HistoryEntry {
  /** As ISO 8601, in UTC. */
  readonly at: string;
  readonly facts: BenchFacts;
  /** By title: ours divided by its peer or floor. */
  readonly ratios: Readonly<Record<string, Spread>>;
}

/** Older entries than these many are forgotten. */
const KEPT_ENTRIES = 40;
/** By how much a median has to be worse before it is called a loss, beside lying outside of what was seen then. */
const LOSS_FACTOR = 1.1;

/** Reads the recorded runs, oldest first; none where there is no file. @throws SyntaxError from a line that is not JSON. */
export async function readHistory(path: string): Promise<readonly HistoryEntry[]> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as HistoryEntry);
}

/** Writes the recorded runs, a line each, the latest KEPT_ENTRIES of them. */
export async function writeHistory(path: string, entries: readonly HistoryEntry[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const lines = entries.slice(-KEPT_ENTRIES).map((entry) => `${JSON.stringify(entry)}\n`);
  await writeFile(path, lines.join(""));
}

/** What of a run is recorded. @param now epoch ms. */
export function entryFrom({ facts, comparisons }: BenchResult, now: number): HistoryEntry {
  const ratios = comparisons.map(({ title, ratio }): [string, Spread] => [title, ratio]);
  return { at: new Date(now).toISOString(), facts, ratios: Object.fromEntries(ratios) };
}

/** Keeps the runs of hosts on which figures mean the same: as many of the same cores, and the same way to run machines. */
export function comparableWith(facts: BenchFacts, entries: readonly HistoryEntry[]): readonly HistoryEntry[] {
  return entries.filter((entry) => {
    const { cores, processor, accelerator } = entry.facts;
    if (cores !== facts.cores || processor !== facts.processor) return false;
    return accelerator === facts.accelerator || accelerator === undefined || facts.accelerator === undefined;
  });
}

/** Answers the last recorded ratio of a title. */
export function lastRatio(title: string, entries: readonly HistoryEntry[]): Spread | undefined {
  return entries.findLast(({ ratios }) => ratios[title] !== undefined)?.ratios[title];
}

/** Whether a ratio, of which less is better, is worse than it was by more than its own spread then. */
export const isLoss = (ratio: Spread, before: Spread): boolean =>
  ratio.median > before.max && ratio.median > before.median * LOSS_FACTOR;
