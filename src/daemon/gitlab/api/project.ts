import type { EpochMs } from "../../../domain/ids.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { PipelineFact } from "../facts.ts";
import { factFromListed, isLively, jobsSchema, pipelinesSchema } from "./pipelines.ts";
import type { ListedPipeline } from "./pipelines.ts";
import type { NeedsBook } from "./needs.ts";
import type { GitlabApi } from "./requests.ts";

/** At the first look, so many pipelines of so long a time teach what jobs there are, and how long they take. */
const FIRST = { count: 20, backMs: 7 * 86_400_000 };
/** What changed while an answer was on its way is asked for again. */
const OVERLAP_MS = 60_000;
/** Pages of pipelines that changed between two looks, and of jobs of one pipeline, that are read at the most. */
const MAX_PAGES = { pipelines: 3, jobs: 20 };
/** Pipelines of one project that are looked at each time, the newest. */
const MAX_LIVELY = 50;

/** Looks at the pipelines of one project. */
export interface ProjectWatch {
  /** Asks what has changed since the last time. @throws as `GitlabApi`; what it heard before that counts. */
  look(signal: AbortSignal): Promise<void>;
}

/** Of a pipeline whose end was not seen the jobs say it. One that is being created has none yet. */
const areOver = (jobs: PipelineFact["jobs"]): boolean =>
  jobs.length > 0 && jobs.every(({ state }) => state === "ended" || state === "skipped");

/**
 * Creates a watch that knows nothing. Each look asks for the pipelines that have changed, and for the jobs of those and of all
 * that are running: those change without their pipeline.
 */
export function watchProject(
  path: string,
  api: GitlabApi,
  needsBook: NeedsBook,
  clock: Pick<Clock, "now">,
  hear: (fact: PipelineFact) => void,
): ProjectWatch {
  const lively = new Map<number, ListedPipeline>();
  let changedSince: EpochMs | undefined;
  const forget = (pipelineId: number): void => {
    lively.delete(pipelineId);
    needsBook.forget(pipelineId);
  };

  const listChanged = async (signal: AbortSignal): Promise<readonly ListedPipeline[]> => {
    const isFirst = changedSince === undefined;
    const since = changedSince ?? clock.now() - FIRST.backMs;
    const query = {
      ...{ updated_after: new Date(since).toISOString(), order_by: "updated_at", sort: "desc" },
      ...(isFirst && { per_page: FIRST.count }),
    };
    const pages = isFirst ? 1 : MAX_PAGES.pipelines;
    const { items, askedAt } = await api.list(`${path}/pipelines`, query, pipelinesSchema, pages, signal);
    changedSince = askedAt - OVERLAP_MS;
    return items;
  };

  return {
    async look(signal) {
      const before = changedSince;
      const changed = await listChanged(signal);
      // Oldest first: what they teach is there when newer ones are foretold.
      const looked = new Map([...lively, ...changed.map((one) => [one.id, one] as const)]);
      try {
        for (const pipeline of [...looked.values()].toSorted((a, b) => a.id - b.id)) {
          const jobsPath = `${path}/pipelines/${pipeline.id}/jobs`;
          const query = { include_retried: true };
          const { items } = await api.list(jobsPath, query, jobsSchema, MAX_PAGES.jobs, signal);
          const needs = isLively(pipeline) ? await needsBook.needsOf(pipeline, signal) : undefined;
          const fact = factFromListed(pipeline, [...items], needs);
          hear(fact);
          if (isLively(pipeline) && !areOver(fact.jobs)) lively.set(pipeline.id, pipeline);
          else forget(pipeline.id);
        }
      } catch (error) {
        // Those that were not looked at come again.
        changedSince = before;
        throw error;
      }
      for (const oldest of [...lively.keys()].toSorted((a, b) => a - b)) {
        if (lively.size <= MAX_LIVELY) break;
        forget(oldest);
      }
    },
  };
}
