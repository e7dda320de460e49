import type { Command } from "commander";
import { contextOf } from "./context.ts";

/** Adds `mayfly quickstart`. */
export function addQuickstartCommand(program: Command): void {
  program
    .command("quickstart")
    .description("make this host ready, then run a sample pipeline, each job on its own fresh machine")
    .action(async (_options: unknown, command: Command) => {
      const { runQuickstart } = await import("./quickstartRun.ts");
      await runQuickstart(contextOf(command));
    });
}
