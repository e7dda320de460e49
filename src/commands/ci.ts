import type { Command } from "commander";
import type { CiOptions } from "./ciRun.ts";
import { contextOf } from "./context.ts";
import { RECONNECT_OPTION } from "./reconnect.ts";

/** Adds `mayfly ci`. */
export function addCiCommand(program: Command): void {
  const collect = (value: string, values: string[] = []): string[] => [...values, value];
  program
    .command("ci")
    .argument("[file]", "the pipeline", ".gitlab-ci.yml")
    .option("--job <name>", "run this job alone, whatever it needs; may be repeated", collect)
    .option("--pool <name>", "run all jobs in this pool")
    .option(...RECONNECT_OPTION)
    .option("--variable <name=value>", "set a variable over all others; may be repeated", collect)
    .description("run the jobs of a .gitlab-ci.yml, each on its own fresh machine")
    .action(async (file: string, options: CiOptions, command: Command) => {
      const { runCi } = await import("./ciRun.ts");
      await runCi(file, options, contextOf(command));
    });
}
