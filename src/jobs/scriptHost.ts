import type { JobOutput } from "./output.ts";

/** Where the scripts of one job run: its machine, or its container. */
export interface ScriptHost {
  /**
   * Runs one script in a shell of its own and answers its exit code once all that its shell wrote has been taken.
   * @param stop ends all that the script started: TERM, and KILL after `STOP_GRACE_MS`; the exit code still comes.
   * @param signal gives up at once.
   * @throws MachineLostError when the machine went.
   */
  runScript(script: Uint8Array, output: JobOutput, stop: AbortSignal, signal: AbortSignal): Promise<number>;
}

/** From TERM to KILL, when a script is stopped. */
export const STOP_GRACE_MS = 10_000;
/** From KILL until the end is no longer waited for. */
export const STOP_PATIENCE_MS = 10_000;
/** Exit code of what was ended by SIGKILL, as shells report it. */
export const KILLED_EXIT_CODE = 137;
