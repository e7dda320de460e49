import { MachineLostError } from "../domain/errors.ts";
import type { JobEnd } from "../domain/job.ts";
import type { StartedScript } from "../domain/jobProgress.ts";
import { durationText } from "./durations.ts";
import { statusWordFrom } from "./ends.ts";
import { keepStart, leftMs, takenBytes } from "./keepStart.ts";
import type { PreparedJob } from "./prepare.ts";
import type { RunContext } from "./run.ts";
import { scriptFrom } from "./script.ts";
import type { ScriptExit, ScriptRun } from "./scriptHost.ts";
import { withDeadline } from "./waits.ts";

/** GitLab's bound of after_script. */
const AFTER_SCRIPT_TIMEOUT_MS = 5 * 60_000;

/** Runs after_script, or goes on with it; whatever it does, the job's end stays what it is, unless the machine is lost under it. */
export async function runAfterScript(
  prepared: PreparedJob,
  end: JobEnd,
  context: RunContext,
  begun: StartedScript | undefined,
): Promise<void> {
  const { deps, output, notes, hard, run } = context;
  if (begun === undefined) {
    await notes.section("Running after script...");
  }
  const timedOut = new Error("timeout");
  try {
    await withDeadline(
      deps.clock,
      leftMs(begun, AFTER_SCRIPT_TIMEOUT_MS, deps.clock),
      () => timedOut,
      new AbortController().signal,
      async (stop) => {
        const bounds = { output, stop, signal: hard };
        const resumed =
          begun === undefined
            ? undefined
            : await prepared.host.resumeScript(begun.trace, takenBytes(begun, run), bounds);
        const { exitCode, wasStopped } = resumed ?? (await startAfterScript(prepared, end, context, bounds));
        const why = wasStopped ? `took longer than ${durationText(AFTER_SCRIPT_TIMEOUT_MS)}` : `exit code ${exitCode}`;
        if (wasStopped || exitCode !== 0) {
          await notes.warning(`after_script failed, but job will continue unaffected: ${why}`);
        }
      },
    );
  } catch (error) {
    if (hard.aborted || error instanceof MachineLostError) {
      throw error;
    }
    await notes.warning(`after_script could not be run: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function startAfterScript(
  { host, place, scriptVariables }: PreparedJob,
  end: JobEnd,
  { spec, run, deps, output }: RunContext,
  bounds: ScriptRun,
): Promise<ScriptExit> {
  const script = scriptFrom({
    commands: spec.afterScript,
    variables: { ...scriptVariables, CI_JOB_STATUS: statusWordFrom(end) },
    workingDir: place.jobDir,
    echoCommands: spec.echoCommands,
  });
  const startedAt = deps.clock.now();
  return host.runScript(script, bounds, (trace) =>
    keepStart({ trace, startedAt, deadlineAt: startedAt + AFTER_SCRIPT_TIMEOUT_MS }, output, run, (started) =>
      run.keep({ phase: "after", place, script: started, end }),
    ),
  );
}
