import { Command } from "commander";
import { addCiCommand } from "./ci.ts";
import { addConfigCommand } from "./config.ts";
import { addGlobalOptions } from "./context.ts";
import { addCustomExecutorCommand } from "./customExecutor.ts";
import { addDaemonCommand } from "./daemon.ts";
import { addDoctorCommand } from "./doctor.ts";
import { reportError } from "./exit.ts";
import { addImageCommand } from "./image.ts";
import { addJobCommand } from "./job.ts";
import { addLeaseCommand } from "./lease.ts";
import { addMachineCommand } from "./machine.ts";
import { addPoolCommand } from "./pool.ts";
import { addPlanCommand } from "./plan.ts";
import { addQuickstartCommand } from "./quickstart.ts";
import { addRunCommand } from "./run.ts";
import { processStreams } from "../fleet/streams.ts";
import { mayflyVersion } from "./version.ts";

/** Every sub-command, in the order of the help. Heavy imports are made by their actions, so that a start stays quick. */
const REGISTRATIONS: Readonly<Record<string, (program: Command) => void>> = {
  quickstart: addQuickstartCommand,
  doctor: addDoctorCommand,
  daemon: addDaemonCommand,
  run: addRunCommand,
  ci: addCiCommand,
  pool: addPoolCommand,
  machine: addMachineCommand,
  lease: addLeaseCommand,
  job: addJobCommand,
  plan: addPlanCommand,
  "custom-executor": addCustomExecutorCommand,
  image: addImageCommand,
  config: addConfigCommand,
};

/** Runs the command line of this process, and sets the code that it ends with. */
export async function runCommandLine(): Promise<void> {
  const program = new Command("mayfly")
    .description("Gives every CI job a virtual machine of its own: fresh when the job gets it, gone when the job ends.")
    .version(mayflyVersion())
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => void processStreams.stdout.write(text),
      writeErr: (text) => void processStreams.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, "mayfly: ")),
    })
    .showHelpAfterError("(add --help for usage)")
    // Commander would end the process with 1 on wrong usage; here that code means a failed job.
    .exitOverride();

  for (const register of registrationsFor(process.argv[2])) register(program);
  addGlobalOptions(program);

  try {
    await program.parseAsync();
  } catch (error) {
    process.exitCode = reportError(error, processStreams.stderr);
  }
}

/** The command that comes first is the one that is meant: the others need no telling. What is none of them is about all. */
function registrationsFor(word = ""): readonly ((program: Command) => void)[] {
  const named = Object.hasOwn(REGISTRATIONS, word) ? REGISTRATIONS[word] : undefined;
  return named === undefined ? Object.values(REGISTRATIONS) : [named];
}
