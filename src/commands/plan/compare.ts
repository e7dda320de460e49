import { setImmediate } from "node:timers/promises";
import { tryAsked } from "../../planning/capacity/asked.ts";
import { attainedBy } from "../../planning/capacity/frontier.ts";
import type { Attained } from "../../planning/capacity/frontier.ts";
import { bestConstant, bestScaleFactor, bestSchedule, hourlyOracle } from "../../planning/capacity/hindsight.ts";
import type { Chosen } from "../../planning/capacity/hindsight.ts";
import { MINUTE_MS } from "../../planning/capacity/target/state.ts";
import { tryPolicy } from "../../planning/capacity/trial.ts";
import type { Trial, Tried } from "../../planning/capacity/trial.ts";
import { busiestWeek, recordLevels } from "../../planning/capacity/week.ts";
import type { Week } from "../../planning/capacity/week.ts";
import type { Progress } from "../../ports/progress.ts";
import { loopOnly, tryInLoop } from "./loop.ts";
import type { NamedPolicy } from "./policies.ts";

/** One policy that was tried. */
export interface PlanRow extends Tried {
  readonly name: string;
  /** What was chosen in hindsight, in words; absent for a policy that was asked for. */
  readonly setting?: string | undefined;
  /** Whether as many jobs were in time as shall be. */
  readonly isReached: boolean;
  /** What only the loop decides, and why it was asked therefore; empty or absent where it was not. */
  readonly loopOnly?: string | undefined;
  readonly attained: Attained;
  /** Its level in each part of the week. */
  readonly levels: readonly number[];
}

/** All policies side by side. */
export interface Comparison {
  /** Those that were asked for, then those that know the arrivals beforehand. */
  readonly rows: readonly PlanRow[];
  /** All settings tried of those that know the arrivals, by name. */
  readonly tried: ReadonlyMap<string, readonly Attained[]>;
  readonly week: Week;
}

type Search = Generator<Attained, Chosen>;

/** Those that stand beside every comparison. */
const HINDSIGHT: readonly (readonly [name: string, search: (trial: Trial) => Search])[] = [
  ["best constant", bestConstant],
  ["best IdleScaleFactor", bestScaleFactor],
  ["best by hour of week", bestSchedule],
  ["oracle of the hour's rate", hourlyOracle],
];

/** Tries policies, and beside them those that know the arrivals. @throws the signal's reason */
export async function compareAll(
  trial: Trial,
  policies: readonly NamedPolicy[],
  engine: "auto" | "loop",
  progress: Progress,
  signal: AbortSignal,
): Promise<Comparison> {
  const week = busiestWeek(trial.arrivals.readyAt, trial.from, trial.to);
  const rows: PlanRow[] = [];
  const tried = new Map<string, readonly Attained[]>();
  for (const [index, { name, asked }] of policies.entries()) {
    const step = progress.step(
      `Replaying ${name}${policies.length > 1 ? ` (${index + 1} of ${policies.length})` : ""}`,
    );
    await breathe(signal);
    const record = recordLevels(week);
    const onFraction = (fraction: number): void => step.update("", fraction);
    const result =
      engine === "loop" || loopOnly(asked) !== ""
        ? await tryInLoop(trial, asked, record.watch, onFraction, signal)
        : tryAsked(trial, asked, record.watch);
    const row = {
      ...rowFrom(trial, name, result, record.levels()),
      loopOnly: engine === "loop" ? "" : loopOnly(asked),
    };
    rows.push(row);
    step.done(`${(row.attained.share * 100).toFixed(1)} % in time`);
  }
  const step = progress.step("Looking for the best settings in hindsight");
  for (const [index, [name, search]] of HINDSIGHT.entries()) {
    step.update(name, index / HINDSIGHT.length);
    const { chosen, points } = await runSearch(search(trial), signal);
    tried.set(name, points);
    const record = recordLevels(week);
    const watched = record.watch(chosen.policy);
    if (chosen.engine === "rules") tryPolicy(trial, watched, MINUTE_MS);
    const { setting, isReached } = chosen;
    rows.push({ ...rowFrom(trial, name, chosen, record.levels()), setting, isReached });
  }
  step.done();
  return { rows, tried, week };
}

function rowFrom(trial: Trial, name: string, { outcome, engine }: Tried, levels: readonly number[]): PlanRow {
  const attained = attainedBy(outcome, trial.waitMs);
  return { name, outcome, engine, attained, isReached: attained.share >= trial.share, levels };
}

async function runSearch(search: Search, signal: AbortSignal): Promise<{ chosen: Chosen; points: Attained[] }> {
  const points: Attained[] = [];
  for (;;) {
    await breathe(signal);
    const next = search.next();
    if (next.done === true) return { chosen: next.value, points };
    points.push(next.value);
  }
}

/** Lets signals and the display in between two replays. @throws the signal's reason */
async function breathe(signal: AbortSignal): Promise<void> {
  await setImmediate();
  signal.throwIfAborted();
}
