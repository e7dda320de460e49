import { exitCodeFile } from "./customRunnerCall.ts";
import type { FailureCodes } from "./customRunnerCall.ts";
import { join } from "node:path";

/** What a coordinator gave the runner. */
export interface CoordinatorJob {
  readonly id: number;
  /** GET_SOURCES_ATTEMPTS, RESTORE_CACHE_ATTEMPTS, ARTIFACT_DOWNLOAD_ATTEMPTS, AFTER_SCRIPT_IGNORE_ERRORS and CI_PROJECT_DIR are heeded. */
  readonly variables?: Readonly<Record<string, string>>;
  /** The user's commands; the other scripts follow from them. */
  readonly script: readonly string[];
  readonly afterScript?: readonly string[];
  /** Commands of the runner's own stages, by their names, e.g. `get_sources`. */
  readonly stages?: Readonly<Record<string, readonly string[]>>;
  /** Goes into JOB_RESPONSE_FILE, beside what follows from the rest of the job. */
  readonly response?: object;
  /** From the first try of the preparation on. @default no bound */
  readonly timeoutMs?: number;
}

/** What an attempt finds out, and each later call of it is told. */
export interface AttemptFacts {
  readonly folder: string;
  readonly buildsDir: string;
  /** `job_env` of its config_exec. */
  readonly jobEnv: Readonly<Record<string, string>>;
  readonly status: string;
}

export const projectDirOf = ({ id, variables }: CoordinatorJob, buildsDir: string): string =>
  variables?.["CI_PROJECT_DIR"] ?? `${buildsDir}/group/project-${id}`;

/** The whole job as GitLab sent it, as far as an executor has use for it. */
export function responseOf({ id, stages = {}, timeoutMs, response }: CoordinatorJob): object {
  const someOf = (kind: RegExp): readonly object[] =>
    Object.keys(stages).flatMap((name) => (kind.test(name) ? [{}] : []));
  return {
    id,
    artifacts: someOf(/^upload_artifacts/),
    cache: someOf(/cache/),
    dependencies: someOf(/^download_artifacts/),
    ...(timeoutMs === undefined ? {} : { runner_info: { timeout: Math.ceil(timeoutMs / 1_000) } }),
    ...response,
  };
}

export const responseFile = (folder: string): string => join(folder, "response.json");

/** The variables of a job, as its scripts have them. */
export function variablesOf(job: CoordinatorJob, { buildsDir, status }: AttemptFacts): Record<string, string> {
  return {
    CI: "true",
    CI_JOB_ID: `${job.id}`,
    CI_JOB_STATUS: status,
    CI_JOB_TIMEOUT: "600",
    CI_RUNNER_ID: "7",
    CI_SERVER_HOST: "gitlab.example.com",
    CI_PROJECT_DIR: projectDirOf(job, buildsDir),
    ...job.variables,
  };
}

/**
 * The environment of a call: the runner's own, then what the runner says of itself, then `job_env`, then the job's variables.
 * Source: gitlab-runner executors/custom/custom.go, command/command.go
 */
export function environmentOf(
  job: CoordinatorJob,
  runnerEnv: Readonly<Record<string, string>>,
  codes: FailureCodes,
  facts: AttemptFacts,
): Record<string, string> {
  const variables = { ...variablesOf(job, facts), CI_JOB_SERVICES: job.variables?.["CI_JOB_SERVICES"] ?? "" };
  return {
    ...runnerEnv,
    TMPDIR: facts.folder,
    BUILD_FAILURE_EXIT_CODE: `${codes.buildFailure}`,
    SYSTEM_FAILURE_EXIT_CODE: `${codes.systemFailure}`,
    BUILD_EXIT_CODE_FILE: exitCodeFile(facts.folder),
    JOB_RESPONSE_FILE: responseFile(facts.folder),
    ...facts.jobEnv,
    ...Object.fromEntries(Object.entries(variables).map(([name, value]) => [`CUSTOM_ENV_${name}`, value])),
  };
}
