import { z } from "zod";
import { NotFoundError } from "../../../domain/errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import { instantFrom } from "../hooks.ts";
import type { PipelineFact } from "../facts.ts";
import { factFromListed, jobsSchema, pipelineSchema } from "./pipelines.ts";
import type { GitlabApi } from "./requests.ts";

/** How often a project's schedules are asked for, and how far ahead one is looked at: machines are ordered a boot ahead. */
const EVERY_MS = 600_000;
const AHEAD_MS = 1_800_000;
const MAX_PAGES = 3;

const id = z.int().min(1);
/** Source: https://docs.gitlab.com/api/pipeline_schedules/ */
const schedulesSchema = z.array(z.object({ id, active: z.boolean(), next_run_at: z.string().nullish() }));
const scheduleSchema = z.object({ last_pipeline: z.object({ id }).nullish() });

/** Looks at the schedules of one project. */
export interface ScheduleWatch {
  /** Asks for those that run soon, where it is time to. @throws as `GitlabApi`. */
  look(signal: AbortSignal): Promise<void>;
}

/**
 * Creates a watch. A pipeline of a schedule is thought to be as the schedule's last one was; of one that never ran nothing is known.
 * @param hear is told of all that run soon, whether there are any or not.
 */
export function watchSchedules(
  path: string,
  api: GitlabApi,
  clock: Pick<Clock, "now">,
  hear: (facts: readonly PipelineFact[]) => void,
): ScheduleWatch {
  const lastById = new Map<number, PipelineFact>();
  let askAgainAt = 0;

  const lastOf = async (scheduleId: number, signal: AbortSignal): Promise<PipelineFact | undefined> => {
    const schedule = await api.one(`${path}/pipeline_schedules/${scheduleId}`, scheduleSchema, signal);
    const pipelineId = schedule.last_pipeline?.id;
    if (pipelineId === undefined) return undefined;
    const known = lastById.get(scheduleId);
    if (known?.pipelineId === pipelineId) return known;
    const pipeline = await api.one(`${path}/pipelines/${pipelineId}`, pipelineSchema, signal);
    const jobsPath = `${path}/pipelines/${pipelineId}/jobs`;
    const { items } = await api.list(jobsPath, { include_retried: true }, jobsSchema, MAX_PAGES, signal);
    const fact = factFromListed(pipeline, [...items]);
    // One that runs still has jobs that say little of how they will be.
    if (fact.jobs.every(({ state }) => state !== "pending" && state !== "running")) lastById.set(scheduleId, fact);
    return fact;
  };

  return {
    async look(signal) {
      const now = clock.now();
      if (now < askAgainAt) return;
      const schedulesPath = `${path}/pipeline_schedules`;
      const { items } = await api.list(schedulesPath, { scope: "active" }, schedulesSchema, MAX_PAGES, signal);
      const soon = items.flatMap(({ id: scheduleId, active, next_run_at: nextRunAt }) => {
        const startsAt = instantFrom(nextRunAt);
        const isSoon = active && startsAt !== undefined && startsAt > now && startsAt <= now + AHEAD_MS;
        return isSoon ? [{ scheduleId, startsAt }] : [];
      });
      for (const scheduleId of lastById.keys())
        if (!items.some((schedule) => schedule.id === scheduleId)) lastById.delete(scheduleId);
      const facts: PipelineFact[] = [];
      for (const scheduled of soon) {
        const last = await lastOf(scheduled.scheduleId, signal).catch((error: unknown) => {
          // It was removed meanwhile, or its pipeline was.
          if (error instanceof NotFoundError) return undefined;
          throw error;
        });
        if (last !== undefined) facts.push({ ...last, scheduled });
      }
      askAgainAt = now + EVERY_MS;
      hear(facts);
    },
  };
}
