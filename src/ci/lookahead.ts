import type { EpochMs } from "../domain/ids.ts";
import type { Job } from "../domain/job.ts";
import type { ForeseenJob, ForeseenPipeline } from "../planning/lookahead/pipeline.ts";
import type { Pipeline, PipelineJob } from "./model.ts";
import type { JobProgress } from "./pipeline.ts";

/** How long jobs took, by name, in milliseconds, shortest first. */
export type Durations = ReadonlyMap<string, readonly number[]>;

/** Reads from recorded jobs how long those took that ran to a good end. */
export function durationsOf(jobs: readonly Job[]): Durations {
  const byName = new Map<string, number[]>();
  for (const job of jobs) {
    if (job.state !== "ended" || job.end.result !== "success" || job.startedAt === undefined) continue;
    const known = byName.get(job.name) ?? [];
    known.push(job.endedAt - job.startedAt);
    byName.set(job.name, known);
  }
  for (const known of byName.values()) known.sort((a, b) => a - b);
  return byName;
}

/**
 * Says of a pipeline that runs here what its future depends on.
 * @param startedAt when jobs were submitted that run.
 */
export function foreseenFrom(
  { jobs, stages }: Pipeline,
  progress: ReadonlyMap<string, JobProgress>,
  startedAt: ReadonlyMap<string, EpochMs>,
): ForeseenPipeline {
  return {
    stages,
    jobs: jobs.map((job) => ({
      ...{ name: job.name, stage: job.stage, needs: job.needs, heldBack: heldBackOf(job) },
      ...{ state: stateFrom(progress.get(job.name)), startedAt: startedAt.get(job.name) },
    })),
  };
}

function stateFrom(progress: JobProgress | undefined): ForeseenJob["state"] {
  if (progress === "pending") return "waiting";
  return progress === "running" ? "running" : "over";
}

function heldBackOf({ heldBack, when }: PipelineJob): ForeseenJob["heldBack"] {
  if (heldBack?.isBlocking === true) return "blocking";
  return heldBack !== undefined || when === "on_failure" ? "aside" : undefined;
}
