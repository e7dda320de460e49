import { ConfigError, MayflyError, SystemError } from "../domain/errors.ts";
import type { JobId } from "../domain/ids.ts";
import type { JobSpec } from "../domain/job.ts";
import type { Clock } from "../ports/clock.ts";
import type { Manager } from "../ports/manager.ts";
import { followJob } from "./followJob.ts";
import type { LinePrinter } from "./linePrinter.ts";
import type { Pipeline, PipelineJob } from "./model.ts";
import { decideJobs } from "./pipeline.ts";
import type { JobProgress } from "./pipeline.ts";
import { reportEnded, reportUnrun, resultFrom } from "./report.ts";
import type { JobReport, PipelineReport } from "./report.ts";

export interface RunDeps {
  readonly manager: Pick<Manager, "submitJob" | "jobLog" | "awaitJob" | "cancelJob">;
  readonly clock: Clock;
  /** Where a job's log goes. */
  readonly printerOf: (job: PipelineJob) => LinePrinter;
  /** Told when a job ends or is skipped, as it happens. */
  readonly onReport: (report: JobReport) => void;
}

export interface RunInterrupts {
  /** Jobs are cancelled and waited for; no further ones start. */
  readonly first: AbortSignal;
  /** Jobs are ended by force. */
  readonly second: AbortSignal;
}

/** How long jobs that were ended by force may take to be gone, in milliseconds. */
const FORCED_END_MS = 30_000;

/**
 * Runs a pipeline: all jobs that may start are submitted at once, so that the manager's queue orders them.
 * @param specOf what to submit for a job.
 * @throws ConfigError when the manager refuses a job, or what a failing output throws; the other jobs are cancelled first.
 */
export async function runPipeline(
  pipeline: Pipeline,
  specOf: (job: PipelineJob) => JobSpec,
  deps: RunDeps,
  interrupts: RunInterrupts,
): Promise<PipelineReport> {
  const { jobs, stages } = pipeline;
  const progress = new Map<string, JobProgress>(jobs.map(({ name }) => [name, "pending"]));
  const reports = new Map<string, JobReport>();
  const running = new Map<string, Promise<void>>();
  const failure = new AbortController();
  const ended = new AbortController();
  const stop = AbortSignal.any([interrupts.first, failure.signal]);
  const giveUp = giveUpAfter(interrupts.second, deps.clock, ended.signal);

  const settle = (report: JobReport, end: JobProgress): void => {
    progress.set(report.name, end);
    reports.set(report.name, report);
    deps.onReport(report);
  };
  const start = async (job: PipelineJob): Promise<void> => {
    try {
      const report = await runJob(job, specOf(job), deps, { stop, force: interrupts.second, giveUp });
      settle(report, report.result === "success" || report.allowFailure ? "passed" : "failed");
    } catch (error) {
      // A bug or a broken output: nothing more can be shown, so nothing more is to run.
      failure.abort(error);
      progress.set(job.name, "failed");
    } finally {
      running.delete(job.name);
    }
  };

  for (;;) {
    const decision = decideJobs(jobs, stages, progress);
    for (const { job, why } of decision.skip) settle(reportUnrun(job, "skipped", why), "skipped");
    for (const job of decision.start) {
      if (stop.aborted) settle(reportUnrun(job, "skipped", "interrupted"), "skipped");
      else {
        progress.set(job.name, "running");
        running.set(job.name, start(job));
      }
    }
    if (running.size > 0) await Promise.race(running.values());
    else if (![...progress.values()].includes("pending")) break;
  }
  ended.abort();
  if (failure.signal.aborted) throw failure.signal.reason;
  const inOrder = jobs.flatMap(({ name }) => reports.get(name) ?? []);
  return { result: resultFrom(inOrder, interrupts.first.aborted), jobs: inOrder };
}

interface JobSignals {
  readonly stop: AbortSignal;
  readonly force: AbortSignal;
  readonly giveUp: AbortSignal;
}

/** @throws ConfigError when the manager refuses the job; whatever is no error of ours (a bug, a broken output). */
async function runJob(job: PipelineJob, spec: JobSpec, deps: RunDeps, signals: JobSignals): Promise<JobReport> {
  const { manager } = deps;
  const printer = deps.printerOf(job);
  let jobId: JobId | undefined;
  let settleCancels: () => void = () => undefined;
  try {
    jobId = (await manager.submitJob(spec)).id;
    settleCancels = cancelOn(manager, jobId, signals);
    const ended = await followJob(manager, jobId, (bytes) => printer.write(bytes), signals.giveUp);
    await printer.end();
    return reportEnded(job, ended);
  } catch (error) {
    if (jobId !== undefined) await abandon(manager, jobId, signals.giveUp);
    if (error instanceof ConfigError || !(error instanceof MayflyError)) throw error;
    return reportUnrun(job, "system-failure", error.message);
  } finally {
    settleCancels();
  }
}

/** Passes interrupts on to the job, those from before it was submitted too. Answers how to stop that. */
function cancelOn(manager: RunDeps["manager"], jobId: JobId, { stop, force }: JobSignals): () => void {
  // Whether the manager heard it shows in the job's end, which is awaited either way.
  const cancel = (isForced: boolean) => (): void => void manager.cancelJob(jobId, isForced).catch(() => undefined);
  const listeners = [
    [stop, cancel(false)],
    [force, cancel(true)],
  ] as const;
  for (const [signal, listener] of listeners) {
    if (signal.aborted) listener();
    else signal.addEventListener("abort", listener, { once: true });
  }
  return () => {
    for (const [signal, listener] of listeners) signal.removeEventListener("abort", listener);
  };
}

/** Ends a job that can no longer be followed, as far as the manager can be reached. */
async function abandon(manager: RunDeps["manager"], jobId: JobId, signal: AbortSignal): Promise<void> {
  try {
    await manager.cancelJob(jobId, false);
    while ((await manager.awaitJob(jobId, FORCED_END_MS, signal)).state !== "ended") signal.throwIfAborted();
  } catch {
    // The first failure is what the caller reports.
  }
}

/** Aborts some time after `second` did, unless all has ended before. */
function giveUpAfter(second: AbortSignal, clock: Clock, ended: AbortSignal): AbortSignal {
  const giveUp = new AbortController();
  const waitThenGiveUp = async (): Promise<void> => {
    await clock.sleep(FORCED_END_MS, ended);
    giveUp.abort(
      new SystemError("forced-end-failed", `the manager did not end the job within ${FORCED_END_MS / 1000} s`),
    );
  };
  const onSecond = (): void => void waitThenGiveUp().catch(() => undefined);
  if (second.aborted) onSecond();
  else second.addEventListener("abort", onSecond, { once: true, signal: ended });
  return giveUp.signal;
}
