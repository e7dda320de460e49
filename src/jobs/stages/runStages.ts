import type { JobEnd } from "../../domain/job.ts";
import type { JobProgress, StageProgress, StartedScript } from "../../domain/jobProgress.ts";
import type { StageEnd } from "../../domain/stage.ts";
import { durationText } from "../durations.ts";
import { withDeadline } from "../../ports/deadline.ts";
import type { Conclusion } from "../ends.ts";
import { keepStart, takenBytes } from "../keepStart.ts";
import { NOTHING } from "../output.ts";
import type { PreparedJob } from "../prepare.ts";
import type { RunContext } from "../run.ts";
import type { ScriptExit, ScriptHost } from "../scriptHost.ts";
import { whenAborted } from "../waits.ts";
import type { StageDesk, StageOrder } from "./desk.ts";

/** What a stage that begins late, or after the job's time is over, has at the least: after_script, caches, artifacts. */
const LAST_STAGE_MS = 5 * 60_000;
/** How long after its time a job is waited for whose holder neither goes on nor finishes it. */
const OVERTIME_MS = 3 * LAST_STAGE_MS;

type StagesProgress = Extract<JobProgress, { readonly phase: "stages" }>;

/** Runs the stages of a job, one by one as its holder asks for them, until that finishes it; or goes on with them. */
export async function runStages(
  prepared: PreparedJob,
  context: RunContext,
  desk: StageDesk,
  begun: StagesProgress | undefined,
): Promise<Conclusion> {
  const { run, deps, hard } = context;
  const late = new Error("the job's time is over");
  let progress = begun ?? (await keepReady(prepared, context));
  desk.ready(progress.readyLogBytes);
  const leftMs = Math.max(0, progress.deadlineAt + OVERTIME_MS - deps.clock.now());
  return withDeadline(
    deps.clock,
    leftMs,
    () => late,
    AbortSignal.any([run.cancel, desk.finished]),
    async (over) => {
      try {
        if (progress.stage !== undefined && progress.stage.ended === undefined) {
          progress = await resumeStage(progress.stage, progress, prepared, context, desk, over);
        }
        // A job that is handed over is only not followed any more: nothing that runs is stopped by it.
        const hurried = AbortSignal.any([over, hard]);
        for (;;) {
          hurried.throwIfAborted();
          progress = await startStage(await desk.next(hurried), progress, prepared, context, desk, over);
        }
      } catch (error) {
        if (error === late) return { end: timeoutEnd(run.timeoutMs) };
        if (desk.finished.aborted && error === desk.finished.reason) return { end: endFrom(progress) };
        throw error;
      }
    },
  );
}

async function keepReady({ place }: PreparedJob, { run, deps, output }: RunContext): Promise<StagesProgress> {
  await output(NOTHING);
  const deadlineAt = deps.clock.now() + run.timeoutMs;
  const progress: StagesProgress = { phase: "stages", place, readyLogBytes: run.logBytes(), deadlineAt };
  await run.keep(progress);
  return progress;
}

async function startStage(
  order: StageOrder,
  progress: StagesProgress,
  prepared: PreparedJob,
  context: RunContext,
  desk: StageDesk,
  over: AbortSignal,
): Promise<StagesProgress> {
  const { run, deps, output } = context;
  const { number, name, place, decidesResult, key } = order;
  const startedAt = deps.clock.now();
  const boundMs = Math.max(LAST_STAGE_MS, progress.deadlineAt - startedAt);
  let stage: StageProgress | undefined;
  const keep = async (script: StartedScript): Promise<void> => {
    stage = { number, name, place, decidesResult, key, script };
    await run.keep({ ...progress, stage });
    desk.began(number, script.logBytes);
  };
  const end = await bounded(boundMs, AbortSignal.any([order.stop, over]), context, {
    stage: () => stage && { ...progress, stage },
    run: (stop) =>
      hostOf(place, prepared).runScript(
        Buffer.from(order.script, "base64"),
        { output, stop, signal: context.hard },
        (trace) => keepStart({ trace, startedAt, deadlineAt: startedAt + boundMs }, output, run, keep),
      ),
  });
  return concludeStage(stage, order.number, end, progress, context, desk);
}

async function resumeStage(
  stage: StageProgress,
  progress: StagesProgress,
  prepared: PreparedJob,
  context: RunContext,
  desk: StageDesk,
  over: AbortSignal,
): Promise<StagesProgress> {
  const { run, deps, output, hard } = context;
  const { script, number, place } = stage;
  // What was to be stopped is stopped still: the word may not have come to it.
  const boundMs = stage.stopped === undefined ? Math.max(0, script.deadlineAt - deps.clock.now()) : 0;
  const end = await bounded(boundMs, AbortSignal.any([desk.stopOf(number), over]), context, {
    stage: () => ({ ...progress, stage }),
    run: (stop) =>
      hostOf(place, prepared).resumeScript(script.trace, takenBytes(script, run), { output, stop, signal: hard }),
    stopped: stage.stopped,
  });
  return concludeStage(stage, number, end, progress, context, desk);
}

const hostOf = (place: StageProgress["place"], { host, machineHost }: PreparedJob): ScriptHost =>
  place === "job" ? host : machineHost;

interface BoundedScript {
  /** What is kept of it by now. */
  readonly stage: () => (StagesProgress & { readonly stage: StageProgress }) | undefined;
  readonly run: (stop: AbortSignal) => Promise<ScriptExit | undefined>;
  readonly stopped?: StageProgress["stopped"];
}

/** Runs a script within its bound, and keeps why it was stopped, so that another manager knows whose doing its end was. */
async function bounded(
  boundMs: number,
  asked: AbortSignal,
  { deps, run, output, hard }: RunContext,
  script: BoundedScript,
): Promise<StageEnd> {
  const timedOut = new Error("timeout");
  return withDeadline(
    deps.clock,
    boundMs,
    () => timedOut,
    asked,
    async (stop) => {
      const cause = (): "timeout" | "asked" => script.stopped ?? (stop.reason === timedOut ? "timeout" : "asked");
      using stopped = whenAborted(stop);
      void stopped.then(() => {
        const kept = script.stage();
        if (kept !== undefined && !hard.aborted) {
          run.keep({ ...kept, stage: { ...kept.stage, stopped: cause() } }).catch(() => undefined);
        }
      });
      const exit = await script.run(stop);
      if (exit === undefined) return { result: "never-begun" };
      if (exit.said !== undefined) await output(Buffer.from(exit.said));
      if (!exit.wasStopped) return { result: "exited", exitCode: exit.exitCode };
      return cause() === "asked" ? { result: "stopped" } : timeoutEnd(run.timeoutMs);
    },
  );
}

async function concludeStage(
  stage: StageProgress | undefined,
  number: number,
  end: StageEnd,
  progress: StagesProgress,
  { run, output }: RunContext,
  desk: StageDesk,
): Promise<StagesProgress> {
  await output(NOTHING);
  const logBytes = run.logBytes();
  const next: StagesProgress =
    stage === undefined
      ? progress
      : { ...progress, stage: { ...stage, ended: { end, logBytes } }, failure: failureFrom(stage, end, progress) };
  // Its holder is told of no end that the next manager would not know of.
  await run.keep(next);
  desk.ended(number, end, logBytes);
  return next;
}

/** A stage that is tried again and succeeds takes its failure back. */
function failureFrom(
  { name, decidesResult }: StageProgress,
  end: StageEnd,
  { failure }: StagesProgress,
): StagesProgress["failure"] {
  if (!decidesResult || end.result === "never-begun") return failure;
  const exitCode = end.result === "exited" ? end.exitCode : 1;
  if (exitCode === 0) return failure?.name === name ? undefined : failure;
  return failure ?? { name, exitCode };
}

const timeoutEnd = (timeoutMs: number): Extract<JobEnd, { readonly result: "timeout" }> => ({
  result: "timeout",
  message: `execution took longer than ${durationText(timeoutMs)}`,
});

function endFrom({ failure }: StagesProgress): JobEnd {
  if (failure === undefined) return { result: "success", exitCode: 0 };
  const { name, exitCode } = failure;
  return { result: "failed", exitCode, message: `stage ${name}: exit code ${exitCode}` };
}
