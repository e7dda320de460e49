import type { JobFact, PipelineFact } from "./facts.ts";
import { hasBegun } from "./facts.ts";
import type { KnownPipeline } from "./pipelines.ts";

/** How much earlier, by our clock, and how much later a schedule may make its pipeline: GitLab looks at them every ten minutes. */
const EARLY_MS = 60_000;
const LATE_MS = 900_000;

/** What is said of a pipeline that is to come, by what the schedule's last one was like. */
export const factThatComes = (last: PipelineFact): PipelineFact => ({ ...last, jobs: last.jobs.map(asItComes) });

const asItComes = ({ id, name, stage, needs, state, when, mayFail, tags }: JobFact): JobFact => ({
  ...{ id, name, stage, needs, when, mayFail, tags },
  state: state === "manual" || state === "scheduled" ? state : "created",
});

/** Tells whether a pipeline is the one that a schedule was to make. */
export function isMadeBy({ ref, scheduled, projectId }: KnownPipeline, fact: PipelineFact, now: number): boolean {
  if (scheduled === undefined || fact.scheduled !== undefined || fact.source !== "schedule") return false;
  return projectId === fact.projectId && branchOf(ref) === branchOf(fact.ref) && scheduled.startsAt <= now + EARLY_MS;
}

/** Tells whether a pipeline that its schedule does not tell of any more may still come: its time is over by little. */
export const mayStillCome = ({ scheduled }: KnownPipeline, now: number): boolean =>
  scheduled !== undefined && scheduled.startsAt <= now && scheduled.startsAt > now - LATE_MS;

/**
 * What is said of a pipeline that is not to come any more.
 * @param made the one that it has become; absent where there will be none.
 */
export function factThatEnds(
  { projectId, pipelineId, scheduled, jobs }: KnownPipeline,
  made?: PipelineFact,
): PipelineFact {
  const begun = new Set(made?.jobs.filter(hasBegun).map(({ name }) => name));
  return {
    ...{ projectId, pipelineId, scheduled },
    jobs: [...jobs.values()].map(({ id, name, stage }) => ({
      ...{ id, name, stage, state: begun.has(name) ? "pending" : "skipped" },
    })),
  };
}

/** Schedules tell whole refs, pipelines the names of branches and tags. */
const branchOf = (ref: string | undefined): string | undefined => ref?.replace(/^refs\/(?:heads|tags)\//, "");
