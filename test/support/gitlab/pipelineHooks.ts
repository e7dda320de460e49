/** A job of a pipeline as GitLab keeps it; what a test does not say is as of one that waits. */
export interface GitlabJob {
  readonly id: number;
  readonly name: string;
  readonly stage: string;
  readonly status?: string;
  readonly startedAt?: number | undefined;
  readonly finishedAt?: number | undefined;
  readonly when?: string;
  readonly allowFailure?: boolean;
  /** What it waits for, which GraphQL alone tells. */
  readonly needs?: readonly string[];
  /** Of the job, which webhooks do not tell. */
  readonly tags?: readonly string[];
  readonly runner?: { readonly id: number; readonly tags: readonly string[] } | undefined;
}

export interface GitlabPipeline {
  readonly projectId: number;
  readonly id: number;
  readonly status?: string;
  readonly stages: readonly string[];
  readonly source?: string;
  readonly ref?: string;
  readonly createdAt?: number;
  readonly updatedAt?: number;
  readonly jobs: readonly GitlabJob[];
}

/** As webhooks write instants. */
const written = (at: number | undefined): string | null =>
  at === undefined ? null : `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;

export const durationOf = ({ startedAt, finishedAt }: GitlabJob, now?: number): number | null => {
  const end = finishedAt ?? now;
  return startedAt === undefined || end === undefined ? null : (end - startedAt) / 1_000;
};

const project = (id: number) => ({
  ...{ id, name: "Project", description: "", web_url: "https://gitlab.test/group/project", avatar_url: null },
  ...{ namespace: "Group", visibility_level: 0, path_with_namespace: "group/project", default_branch: "main" },
  ci_config_path: null,
});
const user = { id: 1, name: "Admin", username: "root", avatar_url: null, email: "root@gitlab.test" };
const runnerOf = ({ runner }: GitlabJob) =>
  runner === undefined
    ? null
    : {
        ...{ id: runner.id, description: "a runner", runner_type: "project_type", active: true, is_shared: false },
        tags: runner.tags,
      };

/** The body of a webhook of a pipeline. Source: lib/gitlab/data_builder/pipeline.rb of GitLab 18. */
export function pipelineHook(pipeline: GitlabPipeline, now?: number): object {
  const { id, projectId, status = "running", stages, source = "push", ref = "main", createdAt = 0 } = pipeline;
  return {
    object_kind: "pipeline",
    object_attributes: {
      ...{ id, iid: id, name: null, ref, tag: false, sha: "a".repeat(40), before_sha: "0".repeat(40), source, status },
      ...{ detailed_status: status, stages, created_at: written(createdAt), finished_at: null, duration: null },
      ...{ queued_duration: null, protected_ref: true, variables: [], url: `https://gitlab.test/-/pipelines/${id}` },
    },
    ...{ merge_request: null, user, project: project(projectId), commit: { id: "a".repeat(40), message: "work" } },
    builds: pipeline.jobs.map((job) => ({
      ...{ id: job.id, stage: job.stage, name: job.name, status: job.status ?? "created" },
      ...{ created_at: written(createdAt), started_at: written(job.startedAt), finished_at: written(job.finishedAt) },
      ...{ duration: durationOf(job, now), queued_duration: 0.5, failure_reason: null, when: job.when ?? "on_success" },
      ...{ manual: job.when === "manual", allow_failure: job.allowFailure ?? false, user, runner: runnerOf(job) },
      ...{ artifacts_file: { filename: null, size: null }, environment: null },
    })),
  };
}

/** The body of a webhook of a job. Source: lib/gitlab/data_builder/build.rb of GitLab 18. */
export function jobHook({ projectId, id, ref = "main" }: GitlabPipeline, job: GitlabJob, now?: number): object {
  return {
    ...{ object_kind: "build", ref, tag: false, before_sha: "0".repeat(40), sha: "a".repeat(40) },
    ...{ build_id: job.id, build_name: job.name, build_stage: job.stage, build_status: job.status ?? "created" },
    ...{ build_created_at: written(0), build_started_at: written(job.startedAt) },
    ...{ build_finished_at: written(job.finishedAt), build_duration: durationOf(job, now) },
    ...{ build_queued_duration: 0.5, build_allow_failure: job.allowFailure ?? false },
    ...{ build_failure_reason: "unknown_failure", retries_count: 0, pipeline_id: id, runner: runnerOf(job) },
    ...{ project_id: projectId, project_name: "Group / Project", user },
    ...{ commit: { id, name: null, status: "running" }, repository: { name: "Project" }, environment: null },
  };
}
