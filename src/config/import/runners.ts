import { ConfigError } from "../../domain/errors.ts";
import { importAutoscalerRunner } from "./autoscaler.ts";
import type { DraftLine } from "./draft.ts";
import { fromSetting } from "./draft.ts";
import { importMachineRunner } from "./machine.ts";
import { nameFor } from "./pool.ts";
import type { PoolDraft } from "./pool.ts";
import type { Read, Section } from "./read.ts";
import type { ScheduleContext } from "./schedule.ts";

const EXECUTORS = ["docker+machine", "docker-ssh+machine", "docker-autoscaler", "instance"];
const SECRETS = ["token", "token_obtained_at", "token_expires_at"];

/**
 * Translates every runner that has machines of its own, each into a pool.
 * @throws ConfigError when none has.
 */
export function importRunners(
  runners: readonly Section[],
  concurrent: Read<number> | undefined,
  context: ScheduleContext,
  fileName: string,
): PoolDraft[] {
  const taken = new Set<string>();
  const pools = runners.flatMap((runner) => {
    const executor = runner.text("executor");
    if (executor === undefined || !EXECUTORS.includes(executor.value)) {
      const origin = executor ?? { place: runner.place, name: "runners.executor" };
      context.notes.add("stays", origin, "this executor launches no machines: the runner goes on without mayfly");
      return [];
    }
    const description = runner.text("name");
    const name = nameFor(description?.value ?? "", taken);
    taken.add(name);
    const why = description === undefined ? `${runner.place} has no name` : fromSetting(description);
    const draft = importRunner(runner, executor, { key: "name", value: name, why }, concurrent, context);
    if (draft !== undefined) noteRunner(runner, executor, name, context);
    return draft ?? [];
  });
  if (pools.length > 0 || context.problems.length > 0) return pools;
  const message =
    runners.length === 0
      ? "Expected the config.toml of a GitLab Runner, with at least one [[runners]], got none"
      : `Expected a runner whose executor is ${EXECUTORS.join(", ")}, got none`;
  throw new ConfigError([{ place: runners[0]?.place ?? fileName, message }], "config-without-runners");
}

function importRunner(
  runner: Section,
  executor: Read<string>,
  name: DraftLine,
  concurrent: Read<number> | undefined,
  context: ScheduleContext,
): PoolDraft | undefined {
  const isMachine = executor.value.endsWith("+machine");
  const key = isMachine ? "machine" : "autoscaler";
  const section = runner.section(key);
  if (section === undefined) {
    if (runner.origin(key) !== undefined) return undefined;
    context.problems.push({
      place: executor.place,
      message: `Expected [runners.${key}] in a runner of executor "${executor.value}", got nothing`,
    });
    return undefined;
  }
  const translate = isMachine ? importMachineRunner : importAutoscalerRunner;
  return translate(runner, section, name, executor.value, concurrent, context);
}

function noteRunner(runner: Section, executor: Read<string>, name: string, { notes }: ScheduleContext): void {
  const isMachine = executor.value.endsWith("+machine");
  const next = isMachine
    ? `mayfly's docker-machine on its PATH, MachineDriver = "mayfly", MachineOptions = ["mayfly-pool=${name}"] and IdleCount = 0`
    : `executor = "custom", and [runners.custom] that calls mayfly custom-executor, prepare with --pool ${name}`;
  notes.add("stays", executor, `for machines of pool ${name} the runner needs ${next}`);
  for (const key of SECRETS) {
    const origin = runner.origin(key);
    if (origin === undefined) continue;
    if (key === "token")
      notes.add("secret", origin, "not carried over: it stays in the runner's own file, and mayfly never needs it");
    else notes.add("stays", origin, "with the runner");
  }
  const docker = runner.section("docker");
  for (const origin of docker?.unread() ?? [])
    notes.add("stays", origin, "with the runner, which runs the job's containers");
  for (const origin of runner.unread()) notes.add("stays", origin, "with the runner");
}
