import type { Command } from "commander";
import { contextOf } from "./context.ts";

/** Adds `mayfly doctor`. */
export function addDoctorCommand(program: Command): void {
  program
    .command("doctor")
    .option("--fix", "install what is missing and build the guest image first")
    .option("--pool <name>", "look at what this pool needs alone")
    .description("say what this host can do, what is missing, and the command that mends it")
    .action(async (options: { fix?: true; pool?: string }, command: Command) => {
      const { runDoctor } = await import("./doctorRun.ts");
      await runDoctor(options.fix === true, options.pool, contextOf(command));
    });
}
