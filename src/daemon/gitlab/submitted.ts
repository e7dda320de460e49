import type { EpochMs } from "../../domain/ids.ts";
import type { JobSpec } from "../../domain/job.ts";
import type { PipelineFact } from "./facts.ts";

/** How the custom executor names the holder of a runner's job. */
const HOLDER = /^gitlab-runner .+, job \d+$/;

/**
 * Reads from a job that GitLab's custom executor submits which of GitLab's it is; undefined for any other, and for one of another
 * host than is asked for. Source: https://docs.gitlab.com/ci/variables/predefined_variables/
 */
export function factFromSpec(
  { holder, variables }: Pick<JobSpec, "holder" | "variables">,
  host: string | undefined,
  now: EpochMs,
): PipelineFact | undefined {
  if (!HOLDER.test(holder)) return undefined;
  const { CI_SERVER_HOST, CI_JOB_NAME: name = "", CI_JOB_STAGE: stage = "" } = variables;
  if (host !== undefined && CI_SERVER_HOST !== undefined && CI_SERVER_HOST !== host) return undefined;
  const [projectId, pipelineId, id] = ["CI_PROJECT_ID", "CI_PIPELINE_ID", "CI_JOB_ID"].map((key) =>
    Number(variables[key]),
  );
  if (!isId(projectId) || !isId(pipelineId) || !isId(id) || name === "" || stage === "") return undefined;
  const { CI_PIPELINE_SOURCE: source, CI_COMMIT_REF_NAME: ref } = variables;
  return {
    ...{ projectId, pipelineId, source, ref },
    jobs: [{ id, name, stage, state: "running", startedAt: now, isOurs: true }],
  };
}

const isId = (value: number | undefined): value is number => Number.isSafeInteger(value) && (value ?? 0) > 0;
