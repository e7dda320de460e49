import type { ForeseenJob, ForeseenPipeline } from "../../planning/lookahead/pipeline.ts";
import { joinFacts } from "./facts.ts";
import type { JobFact, PipelineFact } from "./facts.ts";

/** What is kept in mind; who was silent for longest goes first. About 20 MB. */
const MAX_PIPELINES = 2_000;
const MAX_JOBS = 50_000;

/** All that was heard of one pipeline. */
export interface KnownPipeline {
  readonly projectId: number;
  readonly pipelineId: number;
  readonly stages?: readonly string[] | undefined;
  readonly source?: string | undefined;
  readonly ref?: string | undefined;
  readonly scheduled?: PipelineFact["scheduled"];
  /** All of its jobs were heard of, retried ones too. */
  readonly isWhole: boolean;
  readonly jobs: ReadonlyMap<number, JobFact>;
}

export interface PipelineBook {
  /** Takes note of what was heard. Answers how the pipeline stands, and the jobs that are known to have ended by it. */
  hear(fact: PipelineFact): { readonly pipeline: KnownPipeline; readonly ended: readonly JobFact[] };
}

/** Names a pipeline, also one that is to come by a schedule, and has no number yet. */
export function keyOf({
  projectId,
  pipelineId,
  scheduled,
}: Pick<PipelineFact, "projectId" | "pipelineId" | "scheduled">): string {
  if (scheduled === undefined) return `gitlab-${projectId}-${pipelineId}`;
  return `gitlab-${projectId}-schedule-${scheduled.scheduleId}-${scheduled.startsAt}`;
}

/**
 * Creates an empty book. How a pipeline stands depends on what was heard, and neither on the order nor on how often: GitLab sends
 * webhooks again, and late ones after newer ones.
 */
export function createPipelineBook(maxPipelines = MAX_PIPELINES, maxJobs = MAX_JOBS): PipelineBook {
  const pipelines = new Map<string, KnownPipeline>();
  let jobCount = 0;

  const forgetSilent = (): void => {
    for (const [key, { jobs }] of pipelines) {
      // One that is greater than all that is kept is kept by itself.
      if ((pipelines.size <= maxPipelines && jobCount <= maxJobs) || pipelines.size === 1) return;
      pipelines.delete(key);
      jobCount -= jobs.size;
    }
  };

  return {
    hear(fact) {
      const { projectId, pipelineId, scheduled } = fact;
      const key = keyOf(fact);
      const known = pipelines.get(key);
      const jobs = new Map(known?.jobs);
      const ended: JobFact[] = [];
      for (const job of fact.jobs) {
        const before = jobs.get(job.id);
        // A retry of an earlier job brings what was skipped back to wait: webhooks do not tell that from a late one, the API does.
        const isRevived = fact.isWhole === true && scheduled === undefined && before?.state === "skipped";
        const joined = before === undefined || isRevived ? job : joinFacts(before, job);
        jobs.set(job.id, joined);
        if (joined.state === "ended" && before?.state !== "ended") ended.push(joined);
      }
      jobCount += jobs.size - (known?.jobs.size ?? 0);
      const pipeline: KnownPipeline = {
        ...{ projectId, pipelineId, scheduled, jobs, isWhole: fact.isWhole === true || known?.isWhole === true },
        ...{ stages: known?.stages ?? fact.stages, source: known?.source ?? fact.source, ref: known?.ref ?? fact.ref },
      };
      pipelines.delete(key);
      pipelines.set(key, pipeline);
      forgetSilent();
      return { pipeline, ended };
    },
  };
}

/**
 * Says of a pipeline what its future depends on; undefined while the order of its stages is not known. Of jobs of one name the
 * last retry counts. One that failed holds those up that wait for it, until it is retried.
 * @param isManual whether jobs of a name were seen to be started by hand.
 */
export function foreseenFrom(
  { jobs, stages, isWhole }: KnownPipeline,
  isManual: (name: string) => boolean,
): ForeseenPipeline | undefined {
  const order = stages ?? (isWhole ? stagesByAge(jobs.values()) : undefined);
  return order && { stages: order, jobs: latestOf(jobs.values()).map((job) => foreseenJob(job, isManual(job.name))) };
}

/** The last retry of each name. */
export function latestOf(jobs: Iterable<JobFact>): readonly JobFact[] {
  const latest = new Map<string, JobFact>();
  for (const job of jobs) if (job.id > (latest.get(job.name)?.id ?? 0)) latest.set(job.name, job);
  return [...latest.values()];
}

/** GitLab creates the jobs of a pipeline stage by stage, with numbers that grow. */
function stagesByAge(jobs: Iterable<JobFact>): readonly string[] {
  return [...new Set([...jobs].toSorted((a, b) => a.id - b.id).map(({ stage }) => stage))];
}

function foreseenJob(job: JobFact, isKnownManual: boolean): ForeseenJob {
  const { name, stage, needs, startedAt, mayFail } = job;
  const held = mayFail === true ? "aside" : "blocking";
  switch (job.state) {
    case "created": {
      if (job.when === "on_failure") return { name, stage, needs, state: "waiting", heldBack: "aside" };
      const doesAsk = job.when === "manual" || job.when === "delayed" || (job.when === undefined && isKnownManual);
      return { name, stage, needs, state: "waiting", heldBack: doesAsk ? held : undefined };
    }
    case "scheduled":
    case "manual":
      return { name, stage, needs, state: "waiting", heldBack: held };
    case "skipped":
      return { name, stage, needs, state: "over" };
    case "pending":
      return { name, stage, needs, state: "running" };
    case "running":
      return { name, stage, needs, state: "running", startedAt };
    case "ended": {
      const isDone = job.result === "success" || mayFail === true;
      return isDone
        ? { name, stage, needs, state: "over" }
        : { name, stage, needs, state: "waiting", heldBack: "blocking" };
    }
  }
}
