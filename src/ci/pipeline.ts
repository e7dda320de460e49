import type { PipelineJob } from "./model.ts";

/** How far a job is. `passed`: succeeded, or failed where that is allowed. */
export type JobProgress = "pending" | "running" | "passed" | "failed" | "skipped";

/** What may happen now. */
export interface Decision {
  readonly start: readonly PipelineJob[];
  readonly skip: readonly { readonly job: PipelineJob; readonly why: string }[];
}

/** How the jobs of one or more stages stand together. */
interface Standing {
  isDone: boolean;
  hasFailed: boolean;
  /** The manual job that later stages wait for. */
  blocker: string | undefined;
}

/**
 * Decides which pending jobs start now and which never will. Pure; jobs that skip others' ways are followed to the end, so
 * that with nothing running and nothing to start, nothing is left pending.
 * @param progress of every job, by name.
 */
export function decideJobs(
  jobs: readonly PipelineJob[],
  stages: readonly string[],
  progress: ReadonlyMap<string, JobProgress>,
): Decision {
  const now = new Map(progress);
  const skip: { job: PipelineJob; why: string }[] = [];
  for (;;) {
    const before = standingsBefore(jobs, stages, now);
    const pending = jobs.filter((job) => now.get(job.name) === "pending");
    const verdicts = pending.map((job) => ({ job, verdict: verdictOn(job, before.get(job.stage), now) }));
    const skipped = verdicts.flatMap(({ job, verdict }) =>
      typeof verdict === "object" ? [{ job, why: verdict.skip }] : [],
    );
    if (skipped.length === 0) {
      return { start: verdicts.flatMap(({ job, verdict }) => (verdict === "start" ? [job] : [])), skip };
    }
    skip.push(...skipped);
    for (const { job } of skipped) now.set(job.name, "skipped");
  }
}

type Verdict = "start" | "wait" | { readonly skip: string };

function verdictOn(
  job: PipelineJob,
  before: Standing | undefined,
  progress: ReadonlyMap<string, JobProgress>,
): Verdict {
  if (job.heldBack !== undefined) return { skip: job.heldBack.why };
  if (job.needs !== undefined) return verdictOnNeeds(job, job.needs, progress);
  if (before === undefined) return job.when === "on_failure" ? { skip: "nothing failed before it" } : "start";
  if (before.blocker !== undefined) return { skip: `waits for the manual job ${before.blocker}` };
  if (!before.isDone) return "wait";
  if (job.when === "on_failure" && !before.hasFailed) return { skip: "nothing failed before it" };
  if (job.when === "on_success" && before.hasFailed) return { skip: "a job of an earlier stage failed" };
  return "start";
}

function verdictOnNeeds(
  job: PipelineJob,
  needs: readonly string[],
  progress: ReadonlyMap<string, JobProgress>,
): Verdict {
  const ends = needs.map((name) => ({ name, end: progress.get(name) ?? "skipped" }));
  if (ends.some(({ end }) => end === "pending" || end === "running")) return "wait";
  const failed = ends.find(({ end }) => end === "failed");
  if (job.when === "on_failure" && failed === undefined) return { skip: "nothing that it needs failed" };
  const unmet = ends.find(({ end }) => end !== "passed");
  if (job.when === "on_success" && unmet !== undefined)
    return { skip: `needs ${unmet.name}, which ${wordFor(unmet.end)}` };
  return "start";
}

const wordFor = (end: JobProgress): string => (end === "failed" ? "failed" : "was not run");

/** How all stages before each stage stand; undefined for a stage with no job before it. */
function standingsBefore(
  jobs: readonly PipelineJob[],
  stages: readonly string[],
  progress: ReadonlyMap<string, JobProgress>,
): Map<string, Standing | undefined> {
  const jobsByStage = Map.groupBy(jobs, ({ stage }) => stage);
  const before = new Map<string, Standing | undefined>();
  let standing: Standing | undefined;
  for (const stage of stages) {
    before.set(stage, standing);
    for (const job of jobsByStage.get(stage) ?? []) {
      const end = progress.get(job.name) ?? "skipped";
      standing = {
        isDone: (standing?.isDone ?? true) && end !== "pending" && end !== "running",
        hasFailed: (standing?.hasFailed ?? false) || end === "failed",
        blocker: standing?.blocker ?? (job.heldBack?.isBlocking ? job.name : undefined),
      };
    }
  }
  return before;
}
