import { CommanderError } from "commander";
import {
  CapacityError,
  ConfigError,
  ConflictError,
  JobError,
  MachineError,
  MachineLostError,
  MayflyError,
  NotFoundError,
  SystemError,
  TransientError,
} from "../domain/errors.ts";
import type { JobResult } from "../domain/job.ts";

/** What the process ends with. */
export const EXIT = { done: 0, jobFailed: 1, usage: 2, system: 3, interrupted: 130 } as const;

/** The person at the keyboard ended the command. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
}

/** Maps the end of a job to the code of the command that ran it. */
export function exitCodeFrom(result: JobResult): number {
  switch (result) {
    case "success":
      return EXIT.done;
    case "failed":
    case "timeout":
    case "cancelled":
      return EXIT.jobFailed;
    case "machine-lost":
    case "system-failure":
      return EXIT.system;
  }
}

const CODES = [
  // What was named does not exist: the command line is wrong.
  [ConfigError, EXIT.usage],
  [NotFoundError, EXIT.usage],
  [JobError, EXIT.jobFailed],
  [CapacityError, EXIT.system],
  [SystemError, EXIT.system],
  [MachineLostError, EXIT.system],
  [MachineError, EXIT.system],
  [ConflictError, EXIT.system],
  [TransientError, EXIT.system],
] as const;

/** Tells a person on `stderr` why a command ended, in one line a problem, and answers the exit code. A bug shows its stack. */
export function reportError(error: unknown, stderr: NodeJS.WritableStream): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (error instanceof InterruptedError) {
    stderr.write(`mayfly: ${error.message}\n`);
    return EXIT.interrupted;
  }
  // Whoever read our output has gone, as `head` does: nobody is left to tell, and nothing is wrong with us.
  if (error instanceof Error && (error as NodeJS.ErrnoException).code === "EPIPE") return EXIT.interrupted;
  if (!(error instanceof MayflyError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    stderr.write(`mayfly: internal error, please report it: ${text}\n`);
    return EXIT.system;
  }
  for (const line of linesOf(error)) stderr.write(`mayfly: ${line}\n`);
  return CODES.find(([kind]) => error instanceof kind)?.[1] ?? EXIT.system;
}

function linesOf(error: MayflyError): string[] {
  if (error instanceof ConfigError) return error.problems.map(({ place, message }) => `${place}: ${message}`);
  return [error.message];
}
