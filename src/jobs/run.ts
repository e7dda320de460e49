import { MachineLostError } from "../domain/errors.ts";
import type { JobEnd, JobSpec, PhasesMs } from "../domain/job.ts";
import type { Clock } from "../ports/clock.ts";
import type { Archives } from "../ports/files.ts";
import type { HeldMachine } from "../ports/leases.ts";
import type { Logger } from "../ports/logger.ts";
import type { Random } from "../ports/random.ts";
import { durationText } from "./durations.ts";
import { announceEnd, endFromError, PrepareTimeoutError, statusWordFrom } from "./ends.ts";
import type { Notes } from "./notes.ts";
import { createNotes } from "./notes.ts";
import type { JobOutput } from "./output.ts";
import { inOrder } from "./output.ts";
import type { PhaseMeter, PhaseName } from "./phases.ts";
import { createPhaseMeter } from "./phases.ts";
import type { PreparedJob } from "./prepare.ts";
import { prepareJob } from "./prepare.ts";
import { scriptCommandsOf, scriptFrom } from "./script.ts";
import { orAborted, withDeadline } from "./waits.ts";

/** Bound of all that comes before the script: archive, images, services. Images come slowly to emulated machines. */
const PREPARE_TIMEOUT_MS = 30 * 60_000;
/** GitLab's bound of after_script. */
const AFTER_SCRIPT_TIMEOUT_MS = 5 * 60_000;

/** How one run is watched and ended from outside. */
export interface JobRun {
  /** Takes the log: the job's own output and the runner's lines. Resolving is the back-pressure. */
  readonly output: JobOutput;
  /** Stops the script; after_script still runs. */
  readonly cancel: AbortSignal;
  /** Stops waiting for anything. */
  readonly force: AbortSignal;
  /** Bound of before_script and script together, in milliseconds. */
  readonly timeoutMs: number;
  /** Told when a part has ended, with its milliseconds. */
  readonly onPhase: (name: PhaseName, ms: number) => void;
}

export interface RunJobDeps {
  readonly archives: Pick<Archives, "open">;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Folders on the machine. @default DEFAULT_FOLDERS */
  readonly folders?: MachineFolders | undefined;
}

/** Where a job lives on its machine. Containers see the same paths. */
export interface MachineFolders {
  /** Parent of the job's folder. */
  readonly builds: string;
  /** Parent of private folders for scripts. */
  readonly scratch: string;
}

const DEFAULT_FOLDERS: MachineFolders = { builds: "/builds", scratch: "/tmp" };

/** Runs a job on a machine that is held for it, to its one end. Never throws. Leaves the machine as the job left it. */
export async function runJob(
  spec: JobSpec,
  machine: HeldMachine,
  run: JobRun,
  deps: RunJobDeps,
): Promise<{ readonly end: JobEnd; readonly phasesMs: PhasesMs }> {
  const meter = createPhaseMeter(deps.clock, run.onPhase);
  const output = inOrder(run.output);
  const notes = createNotes(output, !spec.echoCommands);
  const hard = AbortSignal.any([run.force, machine.lost]);
  let end: JobEnd;
  try {
    end = await runParts({ spec, machine, run, deps, meter, output, notes, hard });
  } catch (error) {
    end = endFromError(error, { cancel: run.cancel, force: run.force, lost: machine.lost });
    if (end.result === "system-failure") {
      deps.logger.error({ err: error, machineId: machine.machineId }, "job could not be run");
    }
  }
  await orAborted(announceEnd(end, notes), run.force).catch(() => undefined);
  return { end, phasesMs: meter.phasesMs };
}

interface RunContext {
  readonly spec: JobSpec;
  readonly machine: HeldMachine;
  readonly run: JobRun;
  readonly deps: RunJobDeps;
  readonly meter: PhaseMeter;
  readonly output: JobOutput;
  readonly notes: Notes;
  /** Aborts when nothing is to be waited for any more: forced, or the machine lost. */
  readonly hard: AbortSignal;
}

async function runParts(context: RunContext): Promise<JobEnd> {
  const { spec, run, deps, meter, hard } = context;
  const prepared = await withDeadline(
    deps.clock,
    PREPARE_TIMEOUT_MS,
    () =>
      new PrepareTimeoutError("prepare-timeout", `preparation took longer than ${durationText(PREPARE_TIMEOUT_MS)}`),
    AbortSignal.any([hard, run.cancel]),
    (signal) => prepareJob({ ...context, folders: deps.folders ?? DEFAULT_FOLDERS }, signal),
  );
  const end = await meter.measure("script", () => runMainScript(prepared, context));
  if (spec.afterScript.length > 0) {
    await meter.measure("after", () => runAfterScript(prepared, end, context));
  }
  return end;
}

async function runMainScript(prepared: PreparedJob, { spec, run, deps, output, hard }: RunContext): Promise<JobEnd> {
  const script = scriptFrom({
    commands: [...spec.beforeScript, ...scriptCommandsOf(spec)],
    variables: prepared.scriptVariables,
    workingDir: prepared.jobDir,
    echoCommands: spec.echoCommands,
  });
  const timedOut = new Error("timeout");
  return withDeadline(
    deps.clock,
    run.timeoutMs,
    () => timedOut,
    run.cancel,
    async (stop): Promise<JobEnd> => {
      const exitCode = await prepared.host.runScript(script, output, stop, hard);
      if (stop.aborted) {
        return stop.reason === timedOut
          ? { result: "timeout", message: `execution took longer than ${durationText(run.timeoutMs)}` }
          : { result: "cancelled", message: "the job was cancelled" };
      }
      return exitCode === 0
        ? { result: "success", exitCode }
        : { result: "failed", exitCode, message: `exit code ${exitCode}` };
    },
  );
}

/** Runs after_script; whatever it does, the job's end stays what it is, unless the machine is lost under it. */
async function runAfterScript(prepared: PreparedJob, end: JobEnd, context: RunContext): Promise<void> {
  const { spec, deps, output, notes, hard } = context;
  const script = scriptFrom({
    commands: spec.afterScript,
    variables: { ...prepared.scriptVariables, CI_JOB_STATUS: statusWordFrom(end) },
    workingDir: prepared.jobDir,
    echoCommands: spec.echoCommands,
  });
  await notes.section("Running after script...");
  const timedOut = new Error("timeout");
  try {
    await withDeadline(
      deps.clock,
      AFTER_SCRIPT_TIMEOUT_MS,
      () => timedOut,
      new AbortController().signal,
      async (stop) => {
        const exitCode = await prepared.host.runScript(script, output, stop, hard);
        const why = stop.aborted
          ? `took longer than ${durationText(AFTER_SCRIPT_TIMEOUT_MS)}`
          : `exit code ${exitCode}`;
        if (stop.aborted || exitCode !== 0) {
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
