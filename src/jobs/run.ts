import { SystemError } from "../domain/errors.ts";
import type { JobEnd, JobSpec, PhasesMs } from "../domain/job.ts";
import type { JobProgress } from "../domain/jobProgress.ts";
import type { Clock } from "../ports/clock.ts";
import type { Archives } from "../ports/files.ts";
import type { HeldMachine } from "../ports/leases.ts";
import type { Logger } from "../ports/logger.ts";
import type { Random } from "../ports/random.ts";
import { runAfterScript } from "./afterScript.ts";
import { durationText } from "./durations.ts";
import type { Conclusion } from "./ends.ts";
import { concludeJob, endFromError, NeverBegunError, PrepareTimeoutError } from "./ends.ts";
import type { StageDesk } from "./stages/desk.ts";
import { runStages } from "./stages/runStages.ts";
import { endedServicesText } from "./image/endedServices.ts";
import { runMainScript } from "./mainScript.ts";
import type { Notes } from "./notes.ts";
import { createNotes } from "./notes.ts";
import type { JobOutput } from "./output.ts";
import { inOrder } from "./output.ts";
import type { PhaseMeter, PhaseName } from "./phases.ts";
import { createPhaseMeter } from "./phases.ts";
import type { PreparedJob } from "./prepare.ts";
import { prepareJob, restoreJob } from "./prepare.ts";
import { withDeadline } from "../ports/deadline.ts";
import type { WaitingSupervisors } from "./waitingSupervisors.ts";

/** Bound of all that comes before the script: archive, images, services. Images come slowly to emulated machines. */
const PREPARE_TIMEOUT_MS = 30 * 60_000;

/** How one run is watched and ended from outside. */
export interface JobRun {
  /** Takes the log: the job's own output and the runner's lines. Resolving is the back-pressure. */
  readonly output: JobOutput;
  /** Answers the size of the log, in bytes, when nothing is being written. */
  readonly logBytes: () => number;
  /** Keeps how far the job is, for another manager; it is stored when this resolves. */
  readonly keep: (progress: JobProgress) => Promise<void>;
  /** Stops the script; after_script still runs. */
  readonly cancel: AbortSignal;
  /** Stops waiting for anything. */
  readonly force: AbortSignal;
  /** Leaves all as it is, for another manager. */
  readonly handOver: AbortSignal;
  /** Bound of before_script and script together, or of all stages, in milliseconds. */
  readonly timeoutMs: number;
  /** Where a staged job meets its holder. */
  readonly desk?: StageDesk | undefined;
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
  /** Supervisors that were started ahead, in those folders. @default none are */
  readonly supervisors?: Pick<WaitingSupervisors, "take"> | undefined;
}

/** Where a job lives on its machine. Containers see the same paths. */
export interface MachineFolders {
  /** Parent of the job's folder. */
  readonly builds: string;
  /** Parent of private folders for scripts. */
  readonly scratch: string;
}

export const DEFAULT_FOLDERS: MachineFolders = { builds: "/builds", scratch: "/tmp" };

/** How far a job is that is taken up again on its machine. */
export type BegunProgress = Exclude<JobProgress, { readonly phase: "ended" }>;

/**
 * Runs a job on a machine that is held for it, to its one end. Leaves the machine as the job left it.
 * @param begun what an earlier run kept: this one goes on from there.
 * @throws the reason of `handOver` when it aborts; NeverBegunError when nothing of the user's code has run, and none will;
 * nothing else.
 */
export async function runJob(
  spec: JobSpec,
  machine: HeldMachine,
  run: JobRun,
  deps: RunJobDeps,
  begun?: BegunProgress,
): Promise<{ readonly end: JobEnd; readonly phasesMs: PhasesMs }> {
  const meter = createPhaseMeter(deps.clock, run.onPhase);
  const output = inOrder(run.output);
  const notes = createNotes(output, !spec.echoCommands);
  const hard = AbortSignal.any([run.force, machine.lost, run.handOver]);
  const context = { spec, machine, run, deps, folders: deps.folders ?? DEFAULT_FOLDERS, meter, output, notes, hard };
  let conclusion: Conclusion;
  try {
    conclusion = await runParts(context, begun);
  } catch (error) {
    run.handOver.throwIfAborted();
    if (error instanceof NeverBegunError && !run.cancel.aborted && !hard.aborted) {
      throw error;
    }
    const end = endFromError(error, { cancel: run.cancel, force: run.force, lost: machine.lost });
    conclusion = { end };
    if (end.result === "system-failure") {
      deps.logger.error({ err: error, machineId: machine.machineId }, "job could not be run");
    }
  }
  await concludeJob(conclusion, notes, run);
  return { end: conclusion.end, phasesMs: meter.phasesMs };
}

/** What all parts of one run share. */
export interface RunContext {
  readonly spec: JobSpec;
  readonly machine: HeldMachine;
  readonly run: JobRun;
  readonly deps: RunJobDeps;
  readonly folders: MachineFolders;
  readonly meter: PhaseMeter;
  readonly output: JobOutput;
  readonly notes: Notes;
  /** Aborts when nothing is to be waited for any more: forced, the machine lost, or the job handed over. */
  readonly hard: AbortSignal;
}

async function runParts(context: RunContext, begun: BegunProgress | undefined): Promise<Conclusion> {
  const { spec, meter } = context;
  const prepared = begun === undefined ? await prepare(context) : restoreJob(begun.place, context);
  const { desk } = context.run;
  if (desk !== undefined) {
    const begunStages = begun?.phase === "stages" ? begun : undefined;
    return meter.measure("script", () => runStages(prepared, context, desk, begunStages));
  }
  if (begun?.phase === "stages") {
    throw new SystemError("no-stages", "the job is at its stages, and is no staged job");
  }
  const main =
    begun?.phase === "after"
      ? begun
      : await withServices(
          await meter.measure("script", () => runMainScript(prepared, context, begun), begun?.script.startedAt),
          prepared,
          context,
        );
  if (spec.afterScript.length === 0) {
    return main;
  }
  const after = begun?.phase === "after" ? begun : undefined;
  const said = await meter.measure(
    "after",
    () => runAfterScript(prepared, main, context, after),
    after?.script?.startedAt,
  );
  return { end: main.end, said };
}

/** Adds to what is said of a script's failure which services had ended by then. */
async function withServices(
  main: Conclusion,
  { place }: PreparedJob,
  { machine, deps, hard }: RunContext,
): Promise<Conclusion> {
  const { services = [] } = place;
  const mayBeTheirs = main.end.result === "failed" || main.end.result === "timeout";
  if (!mayBeTheirs || services.length === 0) {
    return main;
  }
  const text = await endedServicesText(services, { engine: machine.engine, clock: deps.clock }, hard);
  return text === undefined ? main : { ...main, said: `${main.said ?? ""}${text}` };
}

const prepare = (context: RunContext): Promise<PreparedJob> =>
  withDeadline(
    context.deps.clock,
    PREPARE_TIMEOUT_MS,
    () =>
      new PrepareTimeoutError("prepare-timeout", `preparation took longer than ${durationText(PREPARE_TIMEOUT_MS)}`),
    AbortSignal.any([context.hard, context.run.cancel]),
    (signal) => prepareJob(context, signal),
  );
