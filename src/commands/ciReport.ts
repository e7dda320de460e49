import type { JobReport, PipelineReport } from "../ci/report.ts";
import type { PhasesMs } from "../domain/job.ts";
import { tableFrom } from "./table.ts";
import { isAnyPaid, shownDuration, shownUsd } from "./shown.ts";

const PHASES = [
  "queued",
  "leased",
  "pulled",
  "services",
  "script",
  "after",
  "released",
] as const satisfies readonly (keyof PhasesMs)[];

/** Says in one line how a job came to its end. */
export function outcomeLine({ name, result, allowFailure, machineId, message }: JobReport): string {
  const allowed = allowFailure && result !== "success" && result !== "skipped" ? " (allowed)" : "";
  const machine = machineId === null ? "" : ` on ${machineId}`;
  const why = message === undefined ? "" : `: ${message}`;
  return `job ${name}${machine}: ${result}${allowed}${why}`;
}

/** Renders a table with a line a job: how long each phase took and, unless all are free, what its machine cost. */
export function reportTable({ jobs }: PipelineReport): Promise<string> {
  const isPaid = isAnyPaid(jobs);
  const rows = jobs.map((job) => [
    job.name,
    job.stage,
    job.machineId ?? undefined,
    job.allowFailure && job.result === "failed" ? "failed (allowed)" : job.result,
    ...PHASES.map((phase) => shownPhase(job.phasesMs[phase])),
    ...(isPaid ? [job.costUsd === undefined ? undefined : shownUsd(job.costUsd)] : []),
  ]);
  return tableFrom(["job", "stage", "machine", "result", ...PHASES, ...(isPaid ? ["cost"] : [])], rows);
}

const shownPhase = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : shownDuration(ms));
