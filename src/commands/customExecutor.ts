import type { Command } from "commander";
import { contextOf } from "./context.ts";
import { RECONNECT_OPTION } from "./reconnect.ts";

/** Adds `mayfly custom-executor`: what a GitLab runner with `executor = "custom"` calls. */
export function addCustomExecutorCommand(program: Command): void {
  const executor = program
    .command("custom-executor")
    .description("give a GitLab runner's jobs (executor = custom) a machine each; the runner calls it");
  executor
    .command("config")
    .description("config_exec: tell the runner where its jobs live")
    .action(async (_options: unknown, command: Command) => {
      const { runConfig } = await import("./customExecutorRun.ts");
      await runConfig(contextOf(command));
    });
  executor
    .command("prepare")
    .option(
      "--pool <name>",
      "the pool that machines come from (else one that a tag of the runner names, else the first)",
    )
    .option("--image <image>", "run jobs that name no image in a container of this one (else on the machine itself)")
    .option("--ttl <duration>", "without a sign of life from the runner for so long, the job and its machine end", "2m")
    .option("--wait <duration>", "how long to wait for a machine; less than the runner's prepare_exec_timeout", "55m")
    .option(
      "--runner-helper <file>",
      "copy this gitlab-runner-helper onto the machine, for caches and artifacts (else the one on the PATH; none: no copy)",
    )
    .option(...RECONNECT_OPTION)
    .description("prepare_exec: hold a fresh machine for the job, with its image and its services")
    .action(async (options: PrepareWords, command: Command) => {
      const { runPrepare } = await import("./customExecutorRun.ts");
      await runPrepare(options, contextOf(command));
    });
  executor
    .command("run")
    .argument("<script>", "the file of the script")
    .argument("<stage>", "what the runner calls the stage")
    .option(...RECONNECT_OPTION)
    .description("run_exec: run one of the job's scripts on its machine")
    .action(async (script: string, stage: string, options: { reconnect: string }, command: Command) => {
      const { runRun } = await import("./customExecutorRun.ts");
      await runRun(script, stage, options.reconnect, contextOf(command));
    });
  executor
    .command("cleanup")
    .description("cleanup_exec: give the machine back; never fails")
    .action(async (_options: unknown, command: Command) => {
      const { runCleanup } = await import("./customExecutorRun.ts");
      await runCleanup(contextOf(command));
    });
}

/** The options of `prepare`, as they were given. */
export interface PrepareWords {
  readonly pool?: string;
  readonly image?: string;
  readonly ttl: string;
  readonly wait: string;
  readonly runnerHelper?: string;
  readonly reconnect: string;
}
