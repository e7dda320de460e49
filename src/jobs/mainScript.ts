import type { JobEnd } from "../domain/job.ts";
import type { JobProgress, StartedScript } from "../domain/jobProgress.ts";
import { durationText } from "./durations.ts";
import type { Conclusion } from "./ends.ts";
import { cancelledEnd, NeverBegunError } from "./ends.ts";
import { keepStart, leftMs, takenBytes } from "./keepStart.ts";
import type { PreparedJob } from "./prepare.ts";
import { isDiskFull } from "./room.ts";
import type { RunContext } from "./run.ts";
import { scriptCommandsOf, scriptFrom } from "./script.ts";
import type { ScriptExit } from "./scriptHost.ts";
import { withDeadline } from "../ports/deadline.ts";
import { whenAborted } from "./waits.ts";

type ScriptProgress = Extract<JobProgress, { readonly phase: "script" }>;

/** Runs before_script and script, or goes on with them, and answers what the job's end will be, and is to be said of it. */
export async function runMainScript(
  prepared: PreparedJob,
  { spec, run, deps, output, hard }: RunContext,
  begun: ScriptProgress | undefined,
): Promise<Conclusion> {
  const { host, place } = prepared;
  const timedOut = new Error("timeout");
  const startedAt = deps.clock.now();
  // What was to be stopped is stopped still: the word may not have come to it.
  const boundMs = begun?.stopped === undefined ? leftMs(begun?.script, run.timeoutMs, deps.clock) : 0;
  return withDeadline(
    deps.clock,
    boundMs,
    () => timedOut,
    run.cancel,
    async (stop): Promise<Conclusion> => {
      const stoppedBy = (): "timeout" | "cancelled" =>
        begun?.stopped ?? (stop.reason === timedOut ? "timeout" : "cancelled");
      let script = begun?.script;
      using stopped = whenAborted(stop);
      // Kept so that another manager knows whose doing the script's end was. A note: the stop waits for nothing.
      void stopped.then(() => {
        if (script !== undefined && !hard.aborted) {
          run.keep({ phase: "script", place, script, stopped: stoppedBy() }).catch(() => undefined);
        }
      });
      let heldUpBy: unknown;
      const watched = async (bytes: Uint8Array): Promise<void> => {
        try {
          await output(bytes);
          heldUpBy = undefined;
        } catch (error) {
          heldUpBy = isDiskFull(error) ? error : undefined;
          throw error;
        }
      };
      const bounds = { output: watched, stop, signal: hard };
      const keep = async (next: StartedScript): Promise<void> => {
        await run.keep({ phase: "script", place, script: next });
        script = next;
      };
      const exit =
        begun === undefined
          ? await host.runScript(mainScript(prepared, spec), bounds, (trace) =>
              keepStart({ trace, startedAt, deadlineAt: startedAt + run.timeoutMs }, output, run, keep),
            )
          : await host.resumeScript(begun.script.trace, takenBytes(begun.script, run), bounds);
      if (exit === undefined) {
        throw new NeverBegunError("script-never-begun", "the job's script had not begun");
      }
      const cause = begun?.stopped ?? (exit.wasStopped ? stoppedBy() : undefined);
      if (cause === "timeout" && heldUpBy !== undefined) {
        // It could not go on for want of room for what it says: its time ran out to no fault of its own.
        throw heldUpBy;
      }
      return { end: endFrom(exit, cause, run), said: exit.said };
    },
  );
}

function endFrom(
  { exitCode }: ScriptExit,
  cause: ScriptProgress["stopped"],
  { cancel, timeoutMs }: RunContext["run"],
): JobEnd {
  switch (cause) {
    case "cancelled":
      return cancelledEnd(cancel);
    case "timeout":
      return { result: cause, message: `execution took longer than ${durationText(timeoutMs)}` };
    case undefined:
      return exitCode === 0
        ? { result: "success", exitCode }
        : { result: "failed", exitCode, message: `exit code ${exitCode}` };
  }
}

const mainScript = ({ place, scriptVariables }: PreparedJob, spec: RunContext["spec"]): Buffer =>
  scriptFrom({
    commands: [...spec.beforeScript, ...scriptCommandsOf(spec)],
    variables: scriptVariables,
    workingDir: place.jobDir,
    echoCommands: spec.echoCommands,
  });
