import type { JobEnd, JobResult, PhasesMs } from "../domain/job.ts";
import type { EndedJob } from "./followJob.ts";
import type { PipelineJob } from "./model.ts";

/** What became of one job of a pipeline. */
export interface JobReport {
  readonly name: string;
  readonly stage: string;
  /** Null where there was none. */
  readonly machineId: string | null;
  readonly poolName: string | null;
  readonly exitCode: number | null;
  readonly result: JobResult | "skipped";
  /** Whether the pipeline goes on though this job failed, or would. */
  readonly allowFailure: boolean;
  readonly phasesMs: PhasesMs;
  /** What its machine cost, in US dollars; absent where no price is known. */
  readonly costUsd?: number | undefined;
  /** Why it failed or was skipped, in one sentence. */
  readonly message?: string | undefined;
}

/** What became of a pipeline. A failed job that may fail does not count. */
export interface PipelineReport {
  readonly result: "success" | "failed" | "system-failure" | "cancelled";
  /** In the order of the file. */
  readonly jobs: readonly JobReport[];
}

/** Reports a job that ended on a machine, or waiting for one. */
export function reportEnded(job: PipelineJob, ended: EndedJob): JobReport {
  const { end } = ended;
  return {
    ...headOf(job, end),
    machineId: ended.machineId ?? null,
    poolName: ended.poolName,
    exitCode: "exitCode" in end ? end.exitCode : null,
    result: end.result,
    phasesMs: ended.phasesMs,
    ...(ended.costUsd === undefined ? {} : { costUsd: ended.costUsd }),
    message: "message" in end ? end.message : undefined,
  };
}

/** Reports a job that did not come to run or was lost from sight. */
export function reportUnrun(job: PipelineJob, result: "skipped" | "system-failure", message: string): JobReport {
  return { ...headOf(job), machineId: null, poolName: null, exitCode: null, result, phasesMs: {}, message };
}

/** Sums up. A job's own failure weighs more than a lost machine, since to run it again would not help. */
export function resultFrom(reports: readonly JobReport[], isInterrupted: boolean): PipelineReport["result"] {
  if (isInterrupted) return "cancelled";
  const required = reports.filter(({ allowFailure }) => !allowFailure).map(({ result }) => result);
  if (required.some((result) => result === "failed" || result === "timeout" || result === "cancelled")) return "failed";
  if (required.some((result) => result === "machine-lost" || result === "system-failure")) return "system-failure";
  return "success";
}

function headOf(job: PipelineJob, end?: JobEnd): Pick<JobReport, "name" | "stage" | "allowFailure"> {
  const { name, stage, allowFailure } = job;
  if (typeof allowFailure === "boolean") return { name, stage, allowFailure };
  return { name, stage, allowFailure: end?.result === "failed" && allowFailure.exitCodes.includes(end.exitCode) };
}
