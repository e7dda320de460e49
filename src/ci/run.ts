import { ConfigError, MayflyError } from "../domain/errors.ts";
import type { JobSpec } from "../domain/job.ts";
import type { Clock } from "../ports/clock.ts";
import type { Manager } from "../ports/manager.ts";
import type { Announcer } from "./announce.ts";
import { attendJob, giveUpAfter } from "./attendJob.ts";
import type { JobSignals } from "./attendJob.ts";
import type { LinePrinter } from "./linePrinter.ts";
import type { Pipeline, PipelineJob } from "./model.ts";
import { decideJobs } from "./pipeline.ts";
import type { JobProgress } from "./pipeline.ts";
import { reportEnded, reportUnrun, resultFrom } from "./report.ts";
import type { JobReport, PipelineReport } from "./report.ts";

export interface RunDeps {
  readonly manager: Pick<Manager, "submitJob" | "jobLog" | "awaitJob" | "cancelJob">;
  readonly clock: Clock;
  /** Tells what is to come. @default nobody is told */
  readonly announcer?: Announcer | undefined;
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
    if (deps.announcer !== undefined && !stop.aborted)
      await deps.announcer.tell(withStarted(progress, decision.start), decision.start);
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

const withStarted = (progress: ReadonlyMap<string, JobProgress>, jobs: readonly PipelineJob[]) =>
  new Map([...progress, ...jobs.map(({ name }) => [name, "running"] as const)]);

/** @throws ConfigError when the manager refuses the job; whatever is no error of ours (a bug, a broken output). */
async function runJob(job: PipelineJob, spec: JobSpec, deps: RunDeps, signals: JobSignals): Promise<JobReport> {
  const printer = deps.printerOf(job);
  try {
    const ended = await attendJob(deps.manager, spec, (bytes) => printer.write(bytes), signals);
    await printer.end();
    return reportEnded(job, ended);
  } catch (error) {
    if (error instanceof ConfigError || !(error instanceof MayflyError)) throw error;
    return reportUnrun(job, "system-failure", error.message);
  }
}
