#!/usr/bin/env node
import { Command } from "commander";
import { addCiCommand } from "./commands/ci.ts";
import { addConfigCommand } from "./commands/config.ts";
import { addGlobalOptions } from "./commands/context.ts";
import { addCustomExecutorCommand } from "./commands/customExecutor.ts";
import { addDaemonCommand } from "./commands/daemon.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { reportError } from "./commands/exit.ts";
import { addImageCommand } from "./commands/image.ts";
import { addJobCommand } from "./commands/job.ts";
import { addLeaseCommand } from "./commands/lease.ts";
import { addMachineCommand } from "./commands/machine.ts";
import { addPoolCommand } from "./commands/pool.ts";
import { addPlanCommand } from "./commands/plan.ts";
import { addQuickstartCommand } from "./commands/quickstart.ts";
import { addRunCommand } from "./commands/run.ts";
import { mayflyVersion } from "./commands/version.ts";

/** Every sub-command, in the order of the help. Heavy imports are made by their actions, so that a start stays quick. */
const REGISTRATIONS: readonly ((program: Command) => void)[] = [
  addQuickstartCommand,
  addDoctorCommand,
  addDaemonCommand,
  addRunCommand,
  addCiCommand,
  addPoolCommand,
  addMachineCommand,
  addLeaseCommand,
  addJobCommand,
  addPlanCommand,
  addCustomExecutorCommand,
  addImageCommand,
  addConfigCommand,
];

const program = new Command("mayfly")
  .description("Gives every CI job a virtual machine of its own: fresh when the job gets it, gone when the job ends.")
  .version(mayflyVersion())
  .enablePositionalOptions()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "mayfly: ")) })
  .showHelpAfterError("(add --help for usage)")
  // Commander would end the process with 1 on wrong usage; here that code means a failed job.
  .exitOverride();

for (const register of REGISTRATIONS) register(program);
addGlobalOptions(program);

// A reader that goes away, as `head` does, is met where the write fails, not by a crash.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportError(error, process.stderr);
}
