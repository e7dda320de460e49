import type { EpochMs } from "../../domain/ids.ts";
import type { ExpectedJobs } from "../capacity/target/known.ts";
import type { ForeseenJob, ForeseenPipeline } from "./pipeline.ts";

/** As many futures are told of each job, from a pipeline that is quick to one that is slow. */
const FUTURES = 9;
/** Of jobs that wait for others some never come, since one of those fails. */
const CHANCE = 0.9;

/** Jobs of a pipeline that come to one pool together. */
export interface JobsToCome extends ExpectedJobs {
  readonly poolName: string;
  /** `count` of them. */
  readonly names: readonly string[];
}

/** What pools are told of them. */
export const announcedFrom = ({ names: _, ...jobs }: JobsToCome): Omit<JobsToCome, "names"> => jobs;

export interface Knowledge {
  /** How long jobs of a name took, in milliseconds, shortest first; empty for one that never ran. */
  readonly durationsOf: (name: string) => readonly number[];
  /** Undefined for a job that comes to none of ours. */
  readonly poolNameOf: (name: string) => string | undefined;
}

/**
 * Tells which jobs of a pipeline are to come, and when: those that wait for earlier ones whose jobs of the same name have run
 * before. Jobs that wait for the same come together. Pure; linear in the jobs and what they need.
 */
export function jobsToCome(
  pipeline: ForeseenPipeline,
  { durationsOf, poolNameOf }: Knowledge,
  now: EpochMs,
): JobsToCome[] {
  const futures = Array.from({ length: FUTURES }, (_, n) =>
    readyTimes(pipeline, (name, ranMs) => quantileOf(longerThan(durationsOf(name), ranMs), (n + 0.5) / FUTURES), now),
  );
  const groups = new Map<string, JobsToCome>();
  for (const { name, state, heldBack } of pipeline.jobs) {
    const poolName = state === "waiting" && heldBack === undefined ? poolNameOf(name) : undefined;
    const readyAt = futures.flatMap((times) => times.get(name) ?? []);
    // One that waits for a job which never ran before comes nobody knows when.
    if (poolName === undefined || readyAt.length < FUTURES) continue;
    const key = `${poolName} ${readyAt.join(" ")}`;
    const names = [...(groups.get(key)?.names ?? []), name];
    const sorted = readyAt.toSorted((a, b) => a - b);
    groups.set(key, { poolName, names, count: names.length, chance: CHANCE, readyAt: sorted });
  }
  return [...groups.values()];
}

const quantileOf = (sorted: readonly number[], share: number): number | undefined =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];

/** Those of its like that a job which has run so long may still be as long as; the longest for one that is later than all. */
function longerThan(sorted: readonly number[], ranMs: number): readonly number[] {
  const longer = sorted.filter((took) => took > ranMs);
  return longer.length > 0 ? longer : sorted.slice(-1);
}

/** When each waiting job would become ready if jobs took as long as said. */
function readyTimes(
  { jobs, stages }: ForeseenPipeline,
  tookOf: (name: string, ranMs: number) => number | undefined,
  now: EpochMs,
): ReadonlyMap<string, EpochMs> {
  const byName = new Map(jobs.map((job) => [job.name, job]));
  const byStage = Map.groupBy(jobs, ({ stage }) => stage);
  const indexOf = new Map(stages.map((stage, index) => [stage, index]));
  const ready = new Map<string, EpochMs>();
  const endOf = once((name: string): EpochMs | undefined => {
    const job = byName.get(name);
    // A job that there is not, as an optional need, has ended.
    if (job === undefined || job.state === "over") return now;
    const begin = job.state === "running" ? (job.startedAt ?? now) : readyAtOf(job);
    if (begin !== undefined && job.state === "waiting") ready.set(name, begin);
    const took = tookOf(name, job.state === "running" && begin !== undefined ? now - begin : 0);
    const isUnknown = took === undefined || begin === undefined || (job.state === "waiting" && job.heldBack);
    return isUnknown ? undefined : Math.max(now, begin + took);
  });
  /** When all jobs of the stages before have ended that anybody waits for. */
  const endBefore = once((index: number): EpochMs | undefined => {
    if (index <= 0) return now;
    const before = (byStage.get(stages[index - 1] ?? "") ?? []).filter(({ heldBack }) => heldBack !== "aside");
    return latest([endBefore(index - 1), ...before.map(({ name }) => endOf(name))]);
  });
  const readyAtOf = ({ needs, stage }: ForeseenJob): EpochMs | undefined =>
    needs === undefined ? endBefore(indexOf.get(stage) ?? 0) : latest([now, ...needs.map(endOf)]);
  for (const { name } of jobs) endOf(name);
  return ready;
}

const latest = (ends: readonly (EpochMs | undefined)[]): EpochMs | undefined =>
  ends.reduce((last, end) => (last === undefined || end === undefined ? undefined : Math.max(last, end)));

/** Keeps answers. What asks for itself on the way to its answer hears undefined: what waits for itself has no end. */
function once<K>(answer: (key: K) => EpochMs | undefined): (key: K) => EpochMs | undefined {
  const known = new Map<K, EpochMs | undefined>();
  return (key) => {
    if (known.has(key)) return known.get(key);
    known.set(key, undefined);
    const found = answer(key);
    known.set(key, found);
    return found;
  };
}
