import type { GitlabRunner } from "../../config/gitlab.ts";
import type { EpochMs } from "../../domain/ids.ts";
import type { JobSpec } from "../../domain/job.ts";
import { announcedFrom, jobsToCome } from "../../planning/lookahead/jobsToCome.ts";
import type { JobsToCome } from "../../planning/lookahead/jobsToCome.ts";
import type { Announcement } from "../../ports/announce.ts";
import type { Clock } from "../../ports/clock.ts";
import { createAwaitedJobs } from "./awaited.ts";
import { hasBegun } from "./facts.ts";
import type { JobFact, PipelineFact } from "./facts.ts";
import type { LearnedJobs } from "./learned.ts";
import { createPipelineBook, foreseenFrom, keyOf, latestOf } from "./pipelines.ts";
import type { KnownPipeline } from "./pipelines.ts";
import { poolOfRunner, poolOfTags } from "./runners.ts";
import { factThatComes, factThatEnds, isMadeBy, mayStillCome } from "./scheduled.ts";
import { factFromSpec } from "./submitted.ts";

/** What is announced is forgotten so long after the last of it was thought to come; a day at the most. */
const AFTER_MS = 3_600_000;
const MAX_TTL_MS = 86_400_000;
/** A job that began when this one did may have come to the manager before. */
const SETTLE_MS = 60_000;

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
  /**
   * Takes note of all pipelines that are to come by the schedules of a project, soon.
   * @param project as it was asked for.
   */
  hearScheduled(project: string, facts: readonly PipelineFact[]): void;
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
  readonly expiresAt: EpochMs;
}

export function createLookout(deps: LookoutDeps): Lookout {
  const { runners, host, poolNames, learned, clock, announce } = deps;
  const book = createPipelineBook();
  const toldById = new Map<string, Told>();
  /** What is to come by schedules, by the projects that were asked. */
  const scheduledBy = new Map<string, ReadonlySet<string>>();
  const awaited = createAwaitedJobs(clock);
  /** Of jobs that begin later it is heard when they come here. */
  const hearsSince = clock.now() + SETTLE_MS;

  const learn = (projectId: number, job: JobFact): void => {
    const { name } = job;
    if (job.result === "success" && job.durationMs !== undefined) learned.noteDuration(projectId, name, job.durationMs);
    if (job.isOurs === true) return;
    const poolName = poolOfRunner(runners, job.runnerTags);
    const hasPassedBy = job.result === "success" && job.startedAt !== undefined && job.startedAt >= hearsSince;
    if (poolName !== undefined || hasPassedBy) learned.notePool(projectId, name, poolName);
  };

  /** Announces what is to come of it. Answers what has begun. */
  const tell = (pipeline: KnownPipeline): Announcement["begun"] => {
    const { projectId, scheduled } = pipeline;
    const foreseen = foreseenFrom(pipeline, (name) => learned.isManual(projectId, name));
    if (foreseen === undefined) return [];
    // Nothing of a scheduled one comes before its time.
    const now = Math.max(clock.now(), scheduled?.startsAt ?? 0);
    const names = poolNames();
    const factByName = new Map(latestOf(pipeline.jobs.values()).map((job) => [job.name, job]));
    const poolNameOf = (name: string): string | undefined => {
      const poolName = learned.poolNameOf(projectId, name) ?? poolOfTags(runners, factByName.get(name)?.tags);
      return poolName !== undefined && names.has(poolName) ? poolName : undefined;
    };
    const durationsOf = (name: string): readonly number[] => learned.durationsOf(projectId, name);
    const jobs = jobsToCome(foreseen, { durationsOf, poolNameOf }, now);
    const id = keyOf(pipeline);
    const told = toldById.get(id);
    if (jobs.length === 0 && told === undefined) return [];
    const begun = (told?.jobs ?? []).flatMap(({ poolName, names: announced }) => {
      const count = announced.filter((name) => isBegun(factByName.get(name))).length;
      return count === 0 ? [] : [{ poolName, count }];
    });
    const last = Math.max(now, ...jobs.map(({ readyAt }) => readyAt.at(-1) ?? now));
    const ttlMs = Math.min(MAX_TTL_MS, last - clock.now() + AFTER_MS);
    for (const [other, { expiresAt }] of toldById) if (expiresAt <= clock.now()) toldById.delete(other);
    if (jobs.length === 0) toldById.delete(id);
    else toldById.set(id, { pipeline, jobs, expiresAt: clock.now() + ttlMs });
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
  /** A pipeline that a schedule has made is told of in its own name from now on. */
  const beginScheduled = (fact: PipelineFact): Announcement["begun"] =>
    [...toldById.values()]
      .filter(({ pipeline }) => isMadeBy(pipeline, fact, clock.now()))
      .flatMap(({ pipeline }) => take(factThatEnds(pipeline, fact)));
  /** The pipeline, and the job of it, that is due for longest in a pool. */
  const dueIn = (poolName: string): { readonly pipeline: KnownPipeline; readonly job: JobFact } | undefined => {
    // On a job's way to its machine: looked through once, and nothing is sorted.
    const now = clock.now();
    let first: { readonly pipeline: KnownPipeline; readonly group: JobsToCome; readonly at: EpochMs } | undefined;
    for (const { pipeline, jobs } of toldById.values()) {
      for (const group of jobs) {
        const at = group.readyAt[0] ?? 0;
        if (group.poolName === poolName && at <= now && at < (first?.at ?? Infinity)) first = { pipeline, group, at };
      }
    }
    if (first === undefined) return undefined;
    const { pipeline, group } = first;
    const job = latestOf(pipeline.jobs.values()).find(({ name }) => name === group.names[0]);
    return job && { pipeline, job };
  };

  return {
    hear(fact) {
      awaited.add([...beginScheduled(fact), ...take(fact)]);
    },
    hearScheduled(project, facts) {
      const now = clock.now();
      const keys = new Set(facts.map(keyOf));
      for (const key of scheduledBy.get(project) ?? []) {
        const pipeline = toldById.get(key)?.pipeline;
        if (keys.has(key) || pipeline === undefined) continue;
        if (mayStillCome(pipeline, now)) keys.add(key);
        else take(factThatEnds(pipeline));
      }
      scheduledBy.set(project, keys);
      for (const fact of facts) {
        // What the last one was like teaches how long jobs take.
        take({ ...fact, scheduled: undefined });
        take(factThatComes(fact));
      }
    },
    noteJob(spec) {
      const fact = factFromSpec(spec, host, clock.now());
      if (fact === undefined) return;
      learned.notePool(fact.projectId, fact.jobs[0]?.name ?? "", spec.poolName);
      beginScheduled(fact);
      take(fact);
    },
    noteArrival(poolName) {
      if (awaited.take(poolName)) return;
      const due = dueIn(poolName);
      if (due === undefined) return;
      const { projectId, pipelineId, scheduled } = due.pipeline;
      take({ projectId, pipelineId, scheduled, jobs: [{ ...due.job, state: "pending" }] });
    },
    outlook: () => ({
      pipelines: toldById.size,
      jobs: [...toldById.values()].flatMap(({ jobs }) => jobs).reduce((sum, { count }) => sum + count, 0),
    }),
  };
}

const isBegun = (job: JobFact | undefined): boolean => job !== undefined && hasBegun(job);
