import type { GitlabRunner } from "../../config/gitlab.ts";
import type { JobSpec } from "../../domain/job.ts";
import { announcedFrom, jobsToCome } from "../../planning/lookahead/jobsToCome.ts";
import type { JobsToCome } from "../../planning/lookahead/jobsToCome.ts";
import type { Announcement } from "../../ports/announce.ts";
import type { Clock } from "../../ports/clock.ts";
import type { JobFact, PipelineFact } from "./facts.ts";
import type { LearnedJobs } from "./learned.ts";
import { createPipelineBook, foreseenFrom, latestOf } from "./pipelines.ts";
import type { KnownPipeline } from "./pipelines.ts";
import { poolOfRunner, poolOfTags } from "./runners.ts";
import { factFromSpec } from "./submitted.ts";

/** What is announced is forgotten so long after the last of it was thought to come; a day at the most. */
const AFTER_MS = 3_600_000;
const MAX_TTL_MS = 86_400_000;
/** A job that may run comes within this, as the pools have it, too. */
const COMING_MS = 60_000;

export interface LookoutDeps {
  readonly runners: readonly GitlabRunner[];
  /** Jobs of another GitLab than that of this host are none of ours. @default any */
  readonly host?: string | undefined;
  /** Names of the pools that there are now. */
  readonly poolNames: () => ReadonlySet<string>;
  readonly learned: LearnedJobs;
  readonly clock: Pick<Clock, "now">;
  readonly announce: (id: string, announcement: Announcement) => void;
}

/** Tells the pools of what GitLab knows of its pipelines. */
export interface Lookout {
  /** Takes note of what was heard, and announces what it changes. */
  hear(fact: PipelineFact): void;
  /** Takes note of a job that a runner is about to submit: where jobs of its name go, and that it is not to come any more. */
  noteJob(spec: Pick<JobSpec, "holder" | "variables" | "poolName">): void;
  /**
   * Takes note of a lease that says of no job whose it is, as docker-machine's do. Where a job is due that GitLab has not told of
   * yet, it is that one: else its machine would be ordered twice.
   */
  noteArrival(poolName: string): void;
  /** How many pipelines have jobs to come, and how many those are. */
  outlook(): { readonly pipelines: number; readonly jobs: number };
}

/** What was last announced of a pipeline. */
interface Told {
  readonly pipeline: KnownPipeline;
  readonly jobs: readonly JobsToCome[];
}

export function createLookout(deps: LookoutDeps): Lookout {
  const { runners, host, poolNames, learned, clock, announce } = deps;
  const book = createPipelineBook();
  const toldById = new Map<string, Told>();
  /** Until when jobs are awaited that may run, by their pools. */
  const coming = new Map<string, number[]>();

  const learn = (projectId: number, job: JobFact): void => {
    const { name } = job;
    if (job.result === "success" && job.durationMs !== undefined) learned.noteDuration(projectId, name, job.durationMs);
    if (job.isOurs === true) return;
    const poolName = poolOfRunner(runners, job.runnerTags);
    if (poolName !== undefined || job.result === "success") learned.notePool(projectId, name, poolName);
  };

  /** Announces what is to come of it. Answers what has begun. */
  const tell = (pipeline: KnownPipeline): Announcement["begun"] => {
    const { projectId, pipelineId } = pipeline;
    const foreseen = foreseenFrom(pipeline, (name) => learned.isManual(projectId, name));
    if (foreseen === undefined) return [];
    const now = clock.now();
    const names = poolNames();
    const factByName = new Map(latestOf(pipeline.jobs.values()).map((job) => [job.name, job]));
    const poolNameOf = (name: string): string | undefined => {
      const poolName = learned.poolNameOf(projectId, name) ?? poolOfTags(runners, factByName.get(name)?.tags);
      return poolName !== undefined && names.has(poolName) ? poolName : undefined;
    };
    const durationsOf = (name: string): readonly number[] => learned.durationsOf(projectId, name);
    const jobs = jobsToCome(foreseen, { durationsOf, poolNameOf }, now);
    const id = `gitlab-${projectId}-${pipelineId}`;
    const told = toldById.get(id);
    if (jobs.length === 0 && told === undefined) return [];
    const begun = (told?.jobs ?? []).flatMap(({ poolName, names: announced }) => {
      const count = announced.filter((name) => hasBegun(factByName.get(name))).length;
      return count === 0 ? [] : [{ poolName, count }];
    });
    if (jobs.length === 0) toldById.delete(id);
    else toldById.set(id, { pipeline, jobs });
    const last = Math.max(now, ...jobs.map(({ readyAt }) => readyAt.at(-1) ?? now));
    const ttlMs = Math.min(MAX_TTL_MS, last - now + AFTER_MS);
    announce(id, { jobs: jobs.map(announcedFrom), begun, ttlMs });
    return begun;
  };

  const take = (fact: PipelineFact): Announcement["begun"] => {
    const { pipeline, ended } = book.hear(fact);
    for (const job of fact.jobs)
      if (job.when === "manual" || job.state === "manual") learned.noteManual(fact.projectId, job.name);
    for (const job of ended) learn(fact.projectId, job);
    return tell(pipeline);
  };
  const isAwaited = (poolName: string): boolean => {
    const awaited = (coming.get(poolName) ?? []).filter((until) => until > clock.now());
    coming.set(poolName, awaited.slice(1));
    return awaited.length > 0;
  };
  /** The pipeline, and the job of it, that is due for longest in a pool. */
  const dueIn = (poolName: string): { readonly pipeline: KnownPipeline; readonly job: JobFact } | undefined => {
    const due = [...toldById.values()].flatMap(({ pipeline, jobs }) =>
      jobs.filter((group) => group.poolName === poolName).map((group) => ({ pipeline, group })),
    );
    const [first] = due.toSorted((a, b) => (a.group.readyAt[0] ?? 0) - (b.group.readyAt[0] ?? 0));
    if (first === undefined || (first.group.readyAt[0] ?? 0) > clock.now()) return undefined;
    const { pipeline, group } = first;
    const job = latestOf(pipeline.jobs.values()).find(({ name }) => name === group.names[0]);
    return job && { pipeline, job };
  };

  return {
    hear(fact) {
      for (const { poolName, count } of take(fact)) {
        const until = clock.now() + COMING_MS;
        coming.set(poolName, [...(coming.get(poolName) ?? []), ...Array.from({ length: count }, () => until)]);
      }
    },
    noteJob(spec) {
      const fact = factFromSpec(spec, host, clock.now());
      if (fact === undefined) return;
      learned.notePool(fact.projectId, fact.jobs[0]?.name ?? "", spec.poolName);
      take(fact);
    },
    noteArrival(poolName) {
      if (isAwaited(poolName)) return;
      const due = dueIn(poolName);
      if (due === undefined) return;
      const { projectId, pipelineId } = due.pipeline;
      take({ projectId, pipelineId, jobs: [{ ...due.job, state: "pending" }] });
    },
    outlook: () => ({
      pipelines: toldById.size,
      jobs: [...toldById.values()].flatMap(({ jobs }) => jobs).reduce((sum, { count }) => sum + count, 0),
    }),
  };
}

/** It may run, or has run: its lease is on its way, or has been there. */
function hasBegun(job: JobFact | undefined): boolean {
  if (job?.state === "ended") return job.startedAt !== undefined;
  return job?.state === "pending" || job?.state === "running";
}
