import { ConfigError } from "../../domain/errors.ts";
import type { Problem } from "../../domain/errors.ts";
import { MAX_MACHINES } from "../limits.ts";
import { formatDuration } from "../units.ts";
import { parseConfig } from "../parse.ts";
import { parseToml } from "../toml.ts";
import { fromSetting, tomlFrom } from "./draft.ts";
import type { DraftLine } from "./draft.ts";
import { createNotes } from "./notes.ts";
import type { Note, Notes } from "./notes.ts";
import { machinesWithin, tablesOf } from "./pool.ts";
import type { PoolDraft } from "./pool.ts";
import { openFile } from "./read.ts";
import type { Section } from "./read.ts";
import { importRunners } from "./runners.ts";

/** A runner's file, translated. */
export interface ImportedConfig {
  /** A mayfly.toml, each line with where it came from. */
  readonly toml: string;
  /** What became of every setting, in the order of the lines of the runner's file. */
  readonly notes: readonly Note[];
}

/**
 * Translates the config.toml of a GitLab Runner into a mayfly.toml. No secret of the file is in either.
 * @param fileName how messages name the file.
 * @param localZone the time zone of the runner's host, which counts where the file names none.
 * @throws ConfigError with every problem, each at its line.
 */
export function importRunnerConfig(text: string, fileName: string, localZone: string): ImportedConfig {
  const problems: Problem[] = [];
  const notes = createNotes();
  const file = openFile({ document: parseToml(text, fileName), fileName, problems });
  const concurrent = file.count("concurrent");
  const runners = file.sections("runners");
  const pools = importRunners(runners, concurrent, { notes, problems, localZone }, fileName);
  const top = topLines(file, notes);
  checkIdleSum(pools, problems);
  if (problems.length > 0) throw new ConfigError(problems.toSorted(byLine), "import-invalid");
  const most = machinesWithin(pools.reduce((sum, { maxMachines }) => sum + maxMachines.value, 0));
  const header: DraftLine = { key: "max_machines", value: most, why: "what the pools may have together" };
  const tables = pools.flatMap(tablesOf);
  const toml = tomlFrom([
    {
      header: "",
      comment: `Made by mayfly config import from ${fileName}; check what says FILL IN`,
      lines: [header, ...top],
    },
    ...tables,
  ]);
  // Whatever a file says, what is made of it is a config: this would be a mistake of ours.
  parseConfig(toml, "the imported mayfly.toml", "/var/lib/mayfly");
  return { toml, notes: notes.all().toSorted(byLine) };
}

/** A mayfly.toml may not wish for more idle machines than it may have at all. */
function checkIdleSum(pools: readonly PoolDraft[], problems: Problem[]): void {
  let sum = 0;
  for (const { runner, idle } of pools) {
    sum += idle.idleCount.value;
    if (sum <= MAX_MACHINES) continue;
    const message = `Expected the runners to keep at most ${MAX_MACHINES} idle machines together, got ${sum}`;
    problems.push({ place: runner.place, message });
    return;
  }
}

function topLines(file: Section, notes: Notes): DraftLine[] {
  const lines: DraftLine[] = [];
  const timeout = file.count("shutdown_timeout");
  if (timeout !== undefined && timeout.value > 0) {
    notes.add("became", timeout, "stop_timeout");
    lines.push({
      key: "stop_timeout",
      value: formatDuration(Math.min(31_536_000, timeout.value) * 1000),
      why: fromSetting(timeout),
    });
  } else if (timeout !== undefined) notes.add("stays", timeout, "with the runner: it is not set");
  const concurrent = file.count("concurrent");
  if (concurrent !== undefined)
    notes.add("stays", concurrent, "it limits the runner's jobs; machines are limited by max_machines");
  const machine = file.section("machine");
  for (const origin of machine?.unread() ?? []) notes.add("lost", origin, "a stop of mayfly ends machines by itself");
  for (const origin of file.unread()) notes.add("stays", origin, "with the runner");
  return lines;
}

const lineOf = (place: string): number => Number(/:(\d+)/.exec(place)?.[1] ?? 0);

const byLine = (a: { readonly place: string }, b: { readonly place: string }): number =>
  lineOf(a.place) - lineOf(b.place);
