import { announcedFrom, jobsToCome } from "../planning/lookahead/jobsToCome.ts";
import type { Clock } from "../ports/clock.ts";
import type { Manager } from "../ports/manager.ts";
import type { Random } from "../ports/random.ts";
import { durationsOf, foreseenFrom } from "./lookahead.ts";
import type { Durations } from "./lookahead.ts";
import type { Pipeline, PipelineJob } from "./model.ts";
import type { JobProgress } from "./pipeline.ts";

/** It is told anew whenever a job begins or ends; a pipeline that is silent for longer has lost its runner. */
const TTL_MS = 3_600_000;

/** Tells a manager what a pipeline will bring. What goes wrong is passed over: the pipeline does not depend on it. */
export interface Announcer {
  /** Resolves, never rejects, when the manager has heard of it, or cannot. */
  tell(progress: ReadonlyMap<string, JobProgress>, starting: readonly PipelineJob[]): Promise<void>;
}

/** Creates what announces one pipeline, by how long jobs of the same names took before. */
export function createAnnouncer(
  pipeline: Pipeline,
  manager: Pick<Manager, "announcePipeline" | "jobs">,
  poolNameOf: (job: PipelineJob) => string,
  clock: Pick<Clock, "now">,
  random: Pick<Random, "id">,
): Announcer {
  const id = random.id("p");
  const startedAt = new Map<string, number>();
  const poolNames = new Map(pipeline.jobs.map((job) => [job.name, poolNameOf(job)]));
  let durations: Durations | undefined;
  let isDeaf = pipeline.stages.length < 2 && pipeline.jobs.every(({ needs = [] }) => needs.length === 0);
  let hasTold = false;

  return {
    async tell(progress, starting) {
      const now = clock.now();
      for (const { name } of starting) startedAt.set(name, now);
      if (isDeaf) return;
      try {
        durations ??= durationsOf(await manager.jobs(true));
        const begun = [...Map.groupBy(starting, poolNameOf)].map(([poolName, { length: count }]) => ({
          poolName,
          count,
        }));
        const known = durations;
        const knowledge = {
          durationsOf: (name: string) => known.get(name) ?? [],
          poolNameOf: (name: string) => poolNames.get(name),
        };
        const jobs = jobsToCome(foreseenFrom(pipeline, progress, startedAt), knowledge, now).map(announcedFrom);
        if (jobs.length === 0 && !hasTold) return;
        hasTold = jobs.length > 0;
        await manager.announcePipeline(id, { jobs, begun, ttlMs: TTL_MS });
      } catch {
        // An older daemon, or one that is away: the jobs themselves find out.
        isDeaf = true;
      }
    },
  };
}
