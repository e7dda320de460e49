import type { CoordinatedJob, JobOrder } from "./job.ts";

/** Where a job's code is. */
export interface Sources {
  readonly repoUrl: string;
  readonly sha: string;
}

const DEFAULT_TIMEOUT_S = 600;

/** What a runner is told of a job: the payload of `POST /api/v4/jobs/request`, as GitLab 19 sends it. */
export function payloadOf(job: CoordinatedJob, serverUrl: string, { repoUrl, sha }: Sources): object {
  const { order, id, token } = job;
  const name = order.name ?? `job-${id}`;
  const timeout = order.timeoutS ?? DEFAULT_TIMEOUT_S;
  const step = (stepName: string, script: readonly string[], when: string) => ({
    ...{ name: stepName, script, timeout, when, allow_failure: stepName === "after_script" },
  });
  const after = order.afterScript === undefined ? [] : [step("after_script", order.afterScript, "always")];
  return {
    ...{ id, token, allow_git_fetch: true },
    job_info: {
      ...{
        name,
        stage: "test",
        pipeline_id: 1,
        project_id: 1,
        project_name: "project",
        project_full_path: "group/project",
      },
      ...{
        namespace_id: 1,
        root_namespace_id: 1,
        organization_id: 1,
        instance_id: "i",
        instance_uuid: "i",
        user_id: 1,
      },
      ...{
        time_in_queue_seconds: 1,
        project_jobs_running_on_instance_runners_count: "0",
        queue_size: 1,
        queue_depth: 1,
      },
    },
    git_info: {
      ...{
        repo_url: repoUrlFor(job, repoUrl),
        repo_object_format: "sha1",
        ref: "main",
        sha,
        before_sha: "0".repeat(40),
      },
      ...{ ref_type: "branch", refspecs: ["+refs/heads/main:refs/remotes/origin/main"], depth: 20, protected: true },
    },
    runner_info: { timeout },
    inputs: [],
    variables: variablesOf(job, name, serverUrl, sha),
    steps: [step("script", order.script, "on_success"), ...after],
    image: order.image === undefined ? null : { name: order.image },
    services: order.services ?? [],
    artifacts: artifactsOf(order),
    cache: [],
    credentials: [],
    dependencies: (order.needs ?? []).map((needed) => ({
      ...{ id: needed.id, token: needed.token, name: needed.order.name ?? `job-${needed.id}` },
      artifacts_file: { filename: needed.archive?.name ?? "artifacts.zip", size: needed.archive?.bytes.length ?? 0 },
    })),
    features: { trace_sections: true, token_mask_prefixes: ["glpat-"], failure_reasons: FAILURE_REASONS },
    secrets: {},
    hooks: order.beforeSources === undefined ? [] : [{ name: "pre_get_sources_script", script: order.beforeSources }],
  };
}

/** What newer runners may name beside those that every GitLab knows. */
const FAILURE_REASONS = [
  "unknown_failure",
  "script_failure",
  "runner_system_failure",
  "job_execution_timeout",
  "image_pull_failure",
];

function artifactsOf({ artifacts: paths, artifactsWhen: when = "on_success" }: JobOrder): readonly object[] {
  if (paths === undefined) return [];
  const kind = { artifact_type: "archive", artifact_format: "zip", when, expire_in: "1 day" };
  return [{ name: "artifacts", untracked: false, paths, exclude: [], ...kind }];
}

function variablesOf(
  { id, token, order }: CoordinatedJob,
  name: string,
  serverUrl: string,
  sha: string,
): readonly object[] {
  const given = (key: string, value: string) => ({ key, value, public: true, file: false, masked: false, raw: false });
  const predefined = {
    ...{
      CI: "true",
      GITLAB_CI: "true",
      CI_SERVER_URL: serverUrl,
      CI_SERVER_HOST: new URL(serverUrl).hostname,
      CI_JOB_ID: `${id}`,
      CI_JOB_NAME: name,
      CI_JOB_STAGE: "test",
    },
    ...{ CI_COMMIT_SHA: sha, CI_COMMIT_REF_NAME: "main", CI_PROJECT_PATH: "group/project", CI_PROJECT_NAME: "project" },
    // GitLab sends these: a runner does not set them itself.
    ...{ CI_RUNNER_ID: "1", CI_RUNNER_DESCRIPTION: "mayfly", CI_RUNNER_TAGS: JSON.stringify(order.tags ?? []) },
  };
  return [
    ...Object.entries(predefined).map(([key, value]) => given(key, value)),
    { ...given("CI_JOB_TOKEN", token), public: false, masked: true },
    ...Object.entries(order.variables ?? {}).map(([key, value]) => given(key, value)),
  ];
}

/** Where a job fetches its code from, with what it may do that by. */
export function repoUrlFor({ token }: CoordinatedJob, repoUrl: string): string {
  const url = new URL(repoUrl);
  url.username = "gitlab-ci-token";
  url.password = token;
  return url.href;
}
