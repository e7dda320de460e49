import { SystemError } from "../domain/errors.ts";
import type { ScriptTrace } from "../domain/jobProgress.ts";
import type { Channel } from "../ports/channel.ts";
import type { ScriptState } from "./supervisor.ts";
import { claimCommand } from "./supervisor.ts";
import { runOnMachine } from "./workspace.ts";

/**
 * Answers how far a script is that an earlier manager was to start; one that did not begin never will.
 * @throws SystemError when what became of it is not to be found out.
 */
export async function claimScript(
  channel: Channel,
  trace: ScriptTrace,
  signal: AbortSignal,
): Promise<Exclude<ScriptState, "unknown">> {
  const state = (await runOnMachine(channel, claimCommand(trace), undefined, signal)).trim() as ScriptState;
  if (state === "unknown") {
    throw new SystemError("script-untraceable", "the job removed the folder in which its output was kept");
  }
  return state;
}
