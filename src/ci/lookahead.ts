import type { EpochMs } from "../domain/ids.ts";
import type { Job } from "../domain/job.ts";
import type { AnnouncedJobs } from "../ports/announce.ts";
import type { Pipeline, PipelineJob } from "./model.ts";
import type { JobProgress } from "./pipeline.ts";

/** As many futures are told of each job, from a pipeline that is quick to one that is slow. */
const FUTURES = 9;
/** Of jobs that wait for others some never come, since one of those fails. */
const CHANCE = 0.9;

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
 * Tells which jobs of a running pipeline are to come, and when: those that wait for earlier ones whose jobs of the same name have
 * run before. Jobs that wait for the same come together. Pure.
 * @param startedAt when jobs were submitted that run.
 */
export function jobsToCome(
  { jobs, stages }: Pipeline,
  progress: ReadonlyMap<string, JobProgress>,
  startedAt: ReadonlyMap<string, EpochMs>,
  durations: Durations,
  poolNameOf: (job: PipelineJob) => string,
  now: EpochMs,
): AnnouncedJobs[] {
  const futures = Array.from({ length: FUTURES }, (_, n) =>
    readyTimes(jobs, stages, progress, startedAt, durations, (n + 0.5) / FUTURES, now),
  );
  const groups = new Map<string, AnnouncedJobs>();
  for (const job of jobs) {
    if (progress.get(job.name) !== "pending" || job.when === "on_failure" || job.heldBack !== undefined) continue;
    const readyAt = futures.flatMap((times) => times.get(job.name) ?? []);
    // One that waits for a job which never ran before comes nobody knows when.
    if (readyAt.length < FUTURES) continue;
    const poolName = poolNameOf(job);
    const key = `${poolName} ${readyAt.join(" ")}`;
    const count = (groups.get(key)?.count ?? 0) + 1;
    groups.set(key, { poolName, count, chance: CHANCE, readyAt: readyAt.toSorted((a, b) => a - b) });
  }
  return [...groups.values()];
}

/** When each pending job would become ready if all took as long as that share of their like does not pass. */
function readyTimes(
  jobs: readonly PipelineJob[],
  stages: readonly string[],
  progress: ReadonlyMap<string, JobProgress>,
  startedAt: ReadonlyMap<string, EpochMs>,
  durations: Durations,
  share: number,
  now: EpochMs,
): Map<string, EpochMs> {
  const ready = new Map<string, EpochMs>();
  const ends = new Map<string, EpochMs | undefined>();
  const byName = new Map(jobs.map((job) => [job.name, job]));
  const endOf = (name: string): EpochMs | undefined => {
    if (ends.has(name)) return ends.get(name);
    // What waits for itself has no end.
    ends.set(name, undefined);
    const job = byName.get(name);
    const end = job === undefined ? now : endOfJob(job);
    ends.set(name, end);
    return end;
  };
  const endOfJob = (job: PipelineJob): EpochMs | undefined => {
    const how = progress.get(job.name);
    if (how !== "pending" && how !== "running") return now;
    const known = durations.get(job.name) ?? [];
    const took = known[Math.min(known.length - 1, Math.floor(share * known.length))];
    const begin = how === "running" ? (startedAt.get(job.name) ?? now) : readyAtOf(job);
    if (begin !== undefined && how === "pending") ready.set(job.name, begin);
    return took === undefined || begin === undefined ? undefined : Math.max(now, begin + took);
  };
  const readyAtOf = (job: PipelineJob): EpochMs | undefined => {
    const earlier = jobs.filter((one) => stages.indexOf(one.stage) < stages.indexOf(job.stage) && !isAside(one));
    const before = (job.needs ?? earlier.map(({ name }) => name)).map(endOf);
    return before.includes(undefined) ? undefined : Math.max(now, ...before.flatMap((end) => end ?? []));
  };
  for (const { name } of jobs) endOf(name);
  return ready;
}

/** Nobody waits for a job that does not start by itself, or only when something fails. */
const isAside = ({ heldBack, when }: PipelineJob): boolean => heldBack !== undefined || when === "on_failure";
