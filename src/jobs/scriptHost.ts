import type { ScriptTrace } from "../domain/jobProgress.ts";
import type { JobOutput } from "./output.ts";

/** How one script is watched and ended. */
export interface ScriptRun {
  /** Takes what the script writes. Resolving is the back-pressure. */
  readonly output: JobOutput;
  /** Ends all that the script started: TERM, and KILL after `STOP_GRACE_MS`; the exit code still comes. */
  readonly stop: AbortSignal;
  /** Gives up at once, and leaves the script as it is. */
  readonly signal: AbortSignal;
}

/** How a script ended. */
export interface ScriptExit {
  readonly exitCode: number;
  /** It had not ended when `stop` came. */
  readonly wasStopped: boolean;
  /** What is known of an end without a word of output. It belongs into the log, and is not in it yet. */
  readonly said?: string | undefined;
}

/** Where the scripts of one job run: its machine, or its container. */
export interface ScriptHost {
  /**
   * Runs one script in a shell of its own and answers how it ended once all that its shell wrote has been taken. From its
   * start on it needs neither this call nor this manager.
   * @param onTrace told where the script will be met again; the script does not start before this has resolved.
   * @throws MachineLostError when the machine went.
   */
  runScript(script: Uint8Array, run: ScriptRun, onTrace: (trace: ScriptTrace) => Promise<void>): Promise<ScriptExit>;
  /**
   * Goes on with a script that was handed to the machine before. One that ended meanwhile was not stopped, whatever `stop` says.
   * @param takenBytes how much of its output was taken already.
   * @returns undefined when it never started and never will.
   */
  resumeScript(trace: ScriptTrace, takenBytes: number, run: ScriptRun): Promise<ScriptExit | undefined>;
}

/** From TERM to KILL, when a script is stopped. Whole seconds. */
export const STOP_GRACE_MS = 10_000;
/** From KILL until the end is no longer waited for. */
export const STOP_PATIENCE_MS = 10_000;
/** Exit code of what was ended by SIGKILL, as shells report it. */
export const KILLED_EXIT_CODE = 137;
