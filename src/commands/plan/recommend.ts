import { setImmediate } from "node:timers/promises";
import { editPool } from "../../config/edit.ts";
import type { PoolEdit } from "../../config/edit.ts";
import { readConfigText, shownPath } from "../../config/load.ts";
import { parseConfig } from "../../config/parse.ts";
import { KEYS_BY_TABLE } from "../../config/schema.ts";
import { unifiedDiff } from "../../config/unifiedDiff.ts";
import { formatDuration } from "../../config/units.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import { recommend } from "../../planning/capacity/recommend.ts";
import type { Candidate, Recommendation } from "../../planning/capacity/recommend.ts";
import type { Trial } from "../../planning/capacity/trial.ts";
import type { Progress } from "../../ports/progress.ts";
import type { CommandContext } from "../context.ts";
import { printJson, writeAll } from "../output.ts";
import { tableFrom } from "../table.ts";
import { usage } from "./options.ts";

/** Settings to write, and what they change in the file. */
interface Advice {
  readonly recommendation: Recommendation;
  /** As `diff -u` writes it; empty when the file says it already, or nothing is recommended. */
  readonly diff: string;
}

/** Finds the settings that reach the goal at least cost. @throws ConfigError where there is no file to change; the signal's reason */
export async function adviseSettings(
  trial: Trial,
  pool: DesiredPool,
  context: CommandContext,
  progress: Progress,
  signal: AbortSignal,
): Promise<Advice> {
  const { path, config } = await context.loadConfig();
  if (path === undefined) throw usage("--recommend", "Expected a mayfly.toml to recommend changes of: there is none");
  const step = progress.step("Fitting settings, and judging them by weeks held out");
  const search = recommend(trial, pool, "[pool.target]" in KEYS_BY_TABLE);
  for (;;) {
    await setImmediate();
    signal.throwIfAborted();
    const next = search.next();
    if (next.done !== true) continue;
    step.done();
    const recommendation = next.value;
    const fileName = shownPath(context.cwd, path);
    const text = await readConfigText(path, fileName);
    const edit = recommendation.chosen && editOf(recommendation.chosen, recommendation.raised, pool);
    const edited =
      edit &&
      editPool(
        text,
        config.pools.findIndex(({ name }) => name === pool.name),
        edit,
      );
    if (edit !== undefined && edited === undefined)
      throw usage("--recommend", `Expected ${fileName} to hold pool "${pool.name}" as a [[pool]] table`);
    // A file that mayfly would refuse must never be recommended.
    if (edited !== undefined) parseConfig(edited, `${fileName}, as recommended`, config.stateDir);
    return { recommendation, diff: edited === undefined ? "" : unifiedDiff(text, edited, fileName) };
  }
}

/** What the pool's tables must say for a candidate. What it does not need is taken out: the last word would be another's. */
function editOf({ asked }: Candidate, raised: Recommendation["raised"], pool: DesiredPool): PoolEdit {
  const none = { idle_scale_factor: undefined, idle_count_min: undefined, idle_count_max: undefined };
  const limits = {
    ...(raised.maxMachines !== undefined && { max_machines: String(raised.maxMachines) }),
    ...(raised.maxGrowthRate !== undefined && { max_growth_rate: String(raised.maxGrowthRate) }),
  };
  const without = { schedule: [], target: [] };
  switch (asked.kind) {
    case "static":
      return { keys: { ...limits, ...none, idle_count: String(asked.level) }, tables: without };
    case "scale_factor": {
      const [least, most] = [String(asked.min), String(raised.maxMachines ?? pool.maxMachines)];
      const scale = { idle_scale_factor: String(asked.factor), idle_count_min: least, idle_count_max: most };
      return { keys: { ...limits, idle_count: least, ...scale }, tables: without };
    }
    case "target": {
      const table = `[pool.target]\nwait = "${formatDuration(asked.waitMs)}"\nshare = ${asked.share}`;
      return { keys: { ...limits, ...none, idle_count: undefined }, tables: { ...without, target: [table] } };
    }
    case "pool": {
      const sections = (asked.pool.schedule ?? []).map(
        ({ periods, timezone, idleCount }) =>
          `[[pool.schedule]]\nperiods = ${JSON.stringify(periods)}\ntimezone = "${timezone}"\nidle_count = ${idleCount}`,
      );
      const keys = { ...limits, ...none, idle_count: String(asked.pool.idleCount) };
      return { keys, tables: { ...without, schedule: sections } };
    }
  }
}

/** Prints what is recommended: words, then the diff, which `patch -p0` and `git apply -p0` take as it is. */
export async function printAdvice(
  { recommendation, diff }: Advice,
  trial: Trial,
  context: CommandContext,
): Promise<void> {
  if (context.isJson) return printJson(context, { ...recommendation, diff });
  const { candidates, chosen, weeksHeldOut } = recommendation;
  const table = await tableFrom(
    ["setting", "fitted: in time", "idle min a job", "held out: in time", "by week", "idle h a day"],
    candidates.map((each) => [
      nameOf(each),
      percent(each.fitted.share),
      each.fitted.idleMinutes.toFixed(2),
      ...heldOutCells(each),
    ]),
  );
  const goal = `${percent(trial.share)} of jobs within ${formatDuration(trial.waitMs)}`;
  const weeks =
    weeksHeldOut === 0
      ? "too few whole weeks to hold any out: nothing says how sure this is"
      : `${weeksHeldOut} weeks held out`;
  await writeAll(context.stdout, `Goal: ${goal}; ${weeks}.\n\n${table}\n\n${wordsOf(recommendation, goal)}\n`);
  if (chosen !== undefined && diff === "") await writeAll(context.stdout, "The file says so already.\n");
  else if (diff !== "") await writeAll(context.stdout, `\n${diff}`);
}

function wordsOf({ candidates, chosen, raised }: Recommendation, goal: string): string {
  if (chosen === undefined)
    return `No setting reaches ${goal}: machines that boot faster, or jobs known beforehand, would.`;
  const limits = [
    ...(raised.maxMachines === undefined ? [] : [`max_machines to ${raised.maxMachines}`]),
    ...(raised.maxGrowthRate === undefined ? [] : [`max_growth_rate to ${raised.maxGrowthRate}`]),
  ];
  const raise = limits.length === 0 ? "" : ` It takes raising ${limits.join(" and ")}.`;
  const { heldOut } = chosen;
  const now = candidates.find(({ kind }) => kind === "now")?.heldOut;
  if (heldOut === undefined) return `Recommended: ${nameOf(chosen)}.${raise}`;
  const change =
    now && `, ${heldOut.idleHoursPerDay.toFixed(1)} idle hours a day instead of ${now.idleHoursPerDay.toFixed(1)}`;
  const from = now && ` instead of ${percent(now.share)}`;
  return `Recommended: ${nameOf(chosen)}. Expected: ${percent(heldOut.share)} in time${from} (${rangeOf(heldOut.shareByWeek)} by week)${change}.${raise}`;
}

const heldOutCells = ({ heldOut }: Candidate): (string | undefined)[] =>
  heldOut === undefined
    ? [undefined, undefined, undefined]
    : [percent(heldOut.share), rangeOf(heldOut.shareByWeek), heldOut.idleHoursPerDay.toFixed(1)];

function nameOf({ kind, asked }: Candidate): string {
  if (kind === "now") return "as it is";
  switch (asked.kind) {
    case "static":
      return `idle_count ${asked.level}`;
    case "scale_factor":
      return `idle_scale_factor ${asked.factor}, idle_count_min ${asked.min}`;
    case "target":
      return `target ${percent(asked.share)} within ${formatDuration(asked.waitMs)}`;
    case "pool": {
      const [section] = asked.pool.schedule ?? [];
      return `idle_count ${asked.pool.idleCount}, and ${section?.idleCount} in "${section?.periods.join('", "')}" UTC`;
    }
  }
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const rangeOf = (shares: readonly number[]): string =>
  shares.length === 0 ? "-" : `${percent(Math.min(...shares))} to ${percent(Math.max(...shares))}`;
