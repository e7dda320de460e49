import type { Command } from "commander";
import { contextOf } from "./context.ts";
import { RECONNECT_OPTION } from "./reconnect.ts";
import type { RunOptions } from "./runJob.ts";

/** Adds `mayfly run`. */
export function addRunCommand(program: Command): void {
  const collect = (value: string, values: string[] = []): string[] => [...values, value];
  program
    .command("run")
    .argument("[command...]", "the command and its words, after `--`")
    .option("--script <file>", "run this bash script instead of a command")
    .option("--name <name>", "what the job is called", "run")
    .option("--pool <name>", "the pool that the machine comes from (else the first)")
    .option("--image <image>", "run in a container of this image (else on the machine itself)")
    .option("--service <image>", "start a container of this image beside the job; may be repeated", collect)
    .option("--variable <name=value>", "set a variable; may be repeated", collect)
    .option("--timeout <duration>", "stop the job after this long (else the pool's job_timeout)")
    .option("--wait <duration>", "how long to wait for a machine", "1h")
    .option(...RECONNECT_OPTION)
    .option("--files <folder>", "start in a copy of this folder (of a git work tree: what git does not ignore)")
    .passThroughOptions()
    .description("run one job on one fresh machine")
    .action(async (words: readonly string[], options: RunOptions, command: Command) => {
      const { runJob } = await import("./runJob.ts");
      await runJob(words, options, contextOf(command));
    });
}
