import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { formatDuration } from "../../config/units.ts";
import { summarize } from "../../planning/capacity/summary.ts";
import type { Summary } from "../../planning/capacity/summary.ts";
import type { Trial } from "../../planning/capacity/trial.ts";
import type { CommandContext } from "../context.ts";
import { printJson, writeAll } from "../output.ts";
import { tableFrom } from "../table.ts";
import { shownDuration, shownInstant, shownUsd } from "../shown.ts";
import type { Comparison, PlanRow } from "./compare.ts";
import type { PlanInput } from "./input.ts";
import { usage } from "./options.ts";
import { frontierPicture } from "./picture/frontier.ts";
import { pageFrom } from "./picture/page.ts";
import { weekPicture } from "./picture/week.ts";

/** All that a run of `mayfly plan` found out. */
export interface PlanReport {
  readonly input: PlanInput;
  readonly trial: Trial;
  /** In milliseconds. */
  readonly bootTimes: readonly number[];
  readonly comparison: Comparison;
  readonly usdPerHour: number | undefined;
}

/** A row with its figures. */
interface ShownRow extends PlanRow {
  readonly summary: Summary;
}

/** Prints a report; with `out` it writes pictures and a page into that directory, made when it is not there. */
export async function printReport(report: PlanReport, out: string | undefined, context: CommandContext): Promise<void> {
  const rows = rowsOf(report);
  const files = out === undefined ? [] : await writePictures(report, rows, resolve(context.cwd, out));
  if (context.isJson) return printJson(context, { ...jsonFrom(report, rows), files });
  await writeAll(context.stdout, await textFrom(report, rows));
  for (const file of files) await writeAll(context.stderr, `mayfly: wrote ${file}\n`);
}

function rowsOf({ trial, comparison, usdPerHour }: PlanReport): ShownRow[] {
  return comparison.rows.map((row) => ({ ...row, summary: summarize(row.outcome, trial.waitMs, usdPerHour) }));
}

/** What was replayed, in a few lines for a person. */
function headFrom({ input, trial, bootTimes }: PlanReport): string[] {
  const { arrivals, before, from, to, waitMs, share, limits } = trial;
  const days = (to - from) / 86_400_000;
  const boots = bootTimes.length === 1 ? "" : ` (${share * 100} % of ${bootTimes.length} measured ones are no longer)`;
  const limitTexts = [
    ...(limits.maxMachines === Infinity ? [] : [`at most ${limits.maxMachines} machines`]),
    ...(limits.maxGrowthRate === Infinity ? [] : [`${limits.maxGrowthRate} boot at once`]),
    `a surplus machine is kept ${formatDuration(limits.idleTimeMs)}`,
  ];
  return [
    `${count(arrivals.readyAt.length)} jobs of ${input.source}, ${shownInstant(from)} to ${shownInstant(to)} (${days.toFixed(1)} days)${before.length > 0 ? `, ${count(before.length)} before them to learn from` : ""}`,
    `A boot takes ${shownDuration(trial.bootMs)}${boots}; ${limitTexts.join(", ")}.`,
    `Goal: ${share * 100} % of jobs wait no longer than ${formatDuration(waitMs)}.`,
    ...(input.dropped > 0 ? [`${count(input.dropped)} records were no job with a machine.`] : []),
    ...(input.withoutDuration > 0 ? [`The durations of ${count(input.withoutDuration)} jobs are not known.`] : []),
  ];
}

const count = (value: number): string => value.toLocaleString("en-US");

/** The table's head and cells, for a terminal and for the page alike. */
function tableOf(rows: readonly ShownRow[]): { readonly head: string[]; readonly cells: string[][] } {
  const isPriced = rows.some(({ summary }) => summary.costUsd !== undefined);
  const head = [
    "policy",
    "in time",
    "p50",
    "p95",
    "p99",
    "max wait",
    "idle h",
    "boot h",
    "busy h",
    "peak",
    ...(isPriced ? ["cost"] : []),
    "by",
  ];
  const cells = rows.map(({ name, setting, summary, isReached, engine }) => [
    `${name}${setting === undefined || setting === "" ? "" : `: ${setting}`}`,
    `${percentBelow(summary.share)} %${isReached ? "" : " ✗"}`,
    ...[summary.p50Ms, summary.p95Ms, summary.p99Ms, summary.maxMs].map(shownDuration),
    ...[summary.idleHours, summary.bootingHours, summary.busyHours].map((hours) => hours.toFixed(1)),
    String(summary.peakMachines),
    ...(isPriced ? [shownUsd(summary.costUsd ?? 0)] : []),
    engine,
  ]);
  return { head, cells };
}

/** Rounded down: what just misses a goal must not look like it. */
const percentBelow = (share: number): string => (Math.floor(share * 10_000 + 1e-6) / 100).toFixed(2);

async function textFrom(report: PlanReport, rows: readonly ShownRow[]): Promise<string> {
  const { head, cells } = tableOf(rows);
  return [...headFrom(report), "", await tableFrom(head, cells), "", ...notesOf(rows), ""].join("\n");
}

const notesOf = (rows: readonly ShownRow[]): string[] => [
  ...(rows.some(({ isReached }) => !isReached) ? ["✗ misses the goal."] : []),
  ...rows.flatMap(({ name, loopOnly = "" }) =>
    loopOnly === "" ? [] : [`${name}: replayed through the manager's control loop, which alone knows ${loopOnly}.`],
  ),
  "best … and oracle: chosen, or known, on these very arrivals, which nobody can beforehand.",
];

async function writePictures(report: PlanReport, rows: readonly ShownRow[], dir: string): Promise<string[]> {
  const { trial, comparison } = report;
  const frontier = frontierPicture(comparison, { share: trial.share, within: formatDuration(trial.waitMs) });
  const week = weekPicture(comparison, trial);
  const parts = { head: headFrom(report), table: tableOf(rows), pictures: [frontier, week], notes: notesOf(rows) };
  const files = { "frontier.svg": frontier, "week.svg": week, "plan.html": pageFrom(parts) };
  try {
    await mkdir(dir, { recursive: true });
    for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
  } catch (error) {
    throw usage("--out", `Expected a directory that can be written: ${(error as Error).message}`);
  }
  return Object.keys(files).map((name) => join(dir, name));
}

function jsonFrom(report: PlanReport, rows: readonly ShownRow[]): object {
  const { input, trial, bootTimes, usdPerHour } = report;
  const { from, to, waitMs, share, limits, bootMs } = trial;
  const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
  return {
    trace: {
      ...{ source: input.source, from, to, jobs: trial.arrivals.readyAt.length, jobsBefore: trial.before.length },
      ...{ dropped: input.dropped, withoutDuration: input.withoutDuration },
    },
    goal: { waitMs, share },
    boot: { plannedMs: bootMs, drawnFromMs: bootTimes },
    limits: {
      maxMachines: finite(limits.maxMachines),
      maxGrowthRate: finite(limits.maxGrowthRate),
      idleTimeMs: limits.idleTimeMs,
    },
    usdPerHour: usdPerHour ?? null,
    policies: rows.map(({ name, setting, isReached, engine, attained, summary }) => ({
      ...{ name, setting: setting || null, isReached, engine },
      ...summary,
      idleMinutesPerJob: attained.idleMinutes,
    })),
  };
}
