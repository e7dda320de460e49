import { MachineLostError } from "../domain/errors.ts";
import type { JobProgress } from "../domain/jobProgress.ts";
import { durationText } from "./durations.ts";
import type { Conclusion } from "./ends.ts";
import { statusWordFrom } from "./ends.ts";
import { keepStart, leftMs, takenBytes } from "./keepStart.ts";
import { warningLine } from "./notes.ts";
import { NOTHING } from "./output.ts";
import type { PreparedJob } from "./prepare.ts";
import type { RunContext } from "./run.ts";
import { scriptFrom } from "./script.ts";
import type { ScriptExit, ScriptRun } from "./scriptHost.ts";
import { withDeadline } from "../ports/deadline.ts";

/** GitLab's bound of after_script. */
const AFTER_SCRIPT_TIMEOUT_MS = 5 * 60_000;

type AfterProgress = Extract<JobProgress, { readonly phase: "after" }>;

/**
 * Runs after_script, or goes on with it; whatever it does, the job's end stays what it is, unless the machine is lost under it.
 * @returns what is to be said of it, if anything.
 */
export async function runAfterScript(
  prepared: PreparedJob,
  main: Conclusion,
  context: RunContext,
  begun: AfterProgress | undefined,
): Promise<string | undefined> {
  const { deps, output, hard, run } = context;
  const timedOut = new Error("timeout");
  try {
    const script = begun?.script;
    const progress = begun ?? (await keepMainEnd(prepared, main, context));
    if (script === undefined) {
      await announce(progress, context);
    }
    return await withDeadline(
      deps.clock,
      leftMs(script, AFTER_SCRIPT_TIMEOUT_MS, deps.clock),
      () => timedOut,
      new AbortController().signal,
      async (stop) => {
        const bounds = { output, stop, signal: hard };
        const resumed =
          script === undefined
            ? undefined
            : await prepared.host.resumeScript(script.trace, takenBytes(script, run), bounds);
        const exit = resumed ?? (await startAfterScript(prepared, progress, context, bounds));
        const { exitCode, wasStopped, said = "" } = exit;
        if (!wasStopped && exitCode === 0) {
          return undefined;
        }
        const why = wasStopped ? `took longer than ${durationText(AFTER_SCRIPT_TIMEOUT_MS)}` : `exit code ${exitCode}`;
        return `${said}${warningLine(`after_script failed, but job will continue unaffected: ${why}`)}`;
      },
    );
  } catch (error) {
    if (hard.aborted || error instanceof MachineLostError) {
      throw error;
    }
    return warningLine(`after_script could not be run: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Keeps how script ended before anything is said of it: a log that holds more than its output could not be gone on with. */
async function keepMainEnd(
  { place }: PreparedJob,
  { end, said }: Conclusion,
  { run, output }: RunContext,
): Promise<AfterProgress> {
  await output(NOTHING);
  const progress = { phase: "after", place, end, said, logBytes: run.logBytes() } as const;
  await run.keep(progress);
  return progress;
}

async function announce({ said, logBytes }: AfterProgress, { notes, run }: RunContext): Promise<void> {
  if (run.logBytes() <= logBytes) {
    await notes.section("Running after script...", said);
  }
}

function startAfterScript(
  { host, scriptVariables }: PreparedJob,
  progress: AfterProgress,
  { spec, run, deps, output }: RunContext,
  bounds: ScriptRun,
): Promise<ScriptExit> {
  const script = scriptFrom({
    commands: spec.afterScript,
    variables: { ...scriptVariables, CI_JOB_STATUS: statusWordFrom(progress.end) },
    workingDir: progress.place.jobDir,
    echoCommands: spec.echoCommands,
  });
  const startedAt = deps.clock.now();
  return host.runScript(script, bounds, (trace) =>
    keepStart({ trace, startedAt, deadlineAt: startedAt + AFTER_SCRIPT_TIMEOUT_MS }, output, run, (started) =>
      run.keep({ ...progress, script: started }),
    ),
  );
}
