import type { StartedScript } from "../domain/jobProgress.ts";
import type { Clock } from "../ports/clock.ts";
import type { JobOutput } from "./output.ts";
import { NOTHING } from "./output.ts";
import type { JobRun } from "./run.ts";

/** Keeps that a script is about to start, with the size that the log has then. */
export async function keepStart(
  script: Omit<StartedScript, "logBytes">,
  output: JobOutput,
  { logBytes }: Pick<JobRun, "logBytes">,
  keep: (script: StartedScript) => Promise<void>,
): Promise<void> {
  // Behind whatever lines are still being written.
  await output(NOTHING);
  await keep({ ...script, logBytes: logBytes() });
}

/** How long a script may still run, in milliseconds; a host's clock that was set back gives it no more than it had. */
export function leftMs(script: StartedScript | undefined, boundMs: number, clock: Clock): number {
  return script === undefined ? boundMs : Math.min(boundMs, Math.max(0, script.deadlineAt - clock.now()));
}

/** How much of a script's output the log holds. A log that lost its end with its host's power gets it again. */
export function takenBytes({ logBytes: startBytes }: StartedScript, { logBytes }: Pick<JobRun, "logBytes">): number {
  return Math.max(0, logBytes() - startBytes);
}
