import { z } from "zod";
import type { JobFact, PipelineFact } from "../facts.ts";
import { outcomeFrom } from "../hooks.ts";
import type { Needs } from "./needs.ts";

const id = z.int().min(1);
const text = z.string();
const name = z.string().min(1).max(255);

/** Source: https://docs.gitlab.com/api/pipelines/ Keys that say nothing here are left out. */
export const pipelineSchema = z.object({
  ...{ id, project_id: id, status: text, source: text.nullish(), ref: text.nullish() },
  ...{ iid: id.optional(), web_url: text.nullish() },
});
export const pipelinesSchema = z.array(pipelineSchema);
export type ListedPipeline = z.output<typeof pipelinesSchema>[number];

/** Source: https://docs.gitlab.com/api/jobs/#list-pipeline-jobs */
export const jobsSchema = z.array(
  z.object({
    ...{ id, name, stage: name, status: text, started_at: text.nullish(), duration: z.number().nullish() },
    ...{ allow_failure: z.boolean().nullish(), tag_list: z.array(text).nullish() },
  }),
);

/** While a pipeline is so, jobs of it may begin and end without its saying so. */
const LIVELY: readonly string[] = ["created", "waiting_for_resource", "preparing", "pending", "running", "canceling"];

export const isLively = ({ status }: ListedPipeline): boolean => LIVELY.includes(status);

/**
 * @param jobs all of them, retried ones too.
 * @param needs what else is known of them, by their names.
 */
export function factFromListed(
  { id: pipelineId, project_id: projectId, source, ref }: ListedPipeline,
  jobs: z.output<typeof jobsSchema>,
  needs: Needs = new Map(),
): PipelineFact {
  return {
    ...{ projectId, pipelineId, source: source ?? undefined, ref: ref ?? undefined, isWhole: true },
    jobs: jobs.map(
      (job): JobFact => ({
        ...{ id: job.id, name: job.name, stage: job.stage },
        ...outcomeFrom(job.status, job.started_at, job.duration),
        ...{ mayFail: job.allow_failure ?? undefined, tags: job.tag_list ?? undefined, ...needs.get(job.name) },
      }),
    ),
  };
}
