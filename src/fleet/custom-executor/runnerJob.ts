import { SystemError } from "../../domain/errors.ts";

/** The prefix under which the runner hands on the job's variables. */
const PREFIX = "CUSTOM_ENV_";
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A runner's job, as the environment of each of its stages tells it. */
export interface RunnerJob {
  /** GitLab's number. */
  readonly id: string;
  /** Names the job, of all runners of all GitLabs, for the daemon: whoever asks under this name holds the same machine. */
  readonly holder: string;
  /** Expanded by the runner. Values may be secret. */
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * Reads the job from the environment that the runner gives its custom executor.
 * Source: https://docs.gitlab.com/runner/executors/custom/
 * @throws SystemError when it is no such environment.
 */
export function runnerJobFrom(env: Readonly<Record<string, string | undefined>>): RunnerJob {
  const variables: Record<string, string> = {};
  for (const [key, value] of Object.entries(env)) {
    const name = key.startsWith(PREFIX) ? key.slice(PREFIX.length) : "";
    if (value !== undefined && VARIABLE_NAME.test(name)) variables[name] = value;
  }
  const id = variables["CI_JOB_ID"];
  if (id === undefined || id === "") {
    throw new SystemError("no-runner", "CUSTOM_ENV_CI_JOB_ID is not set: this command is for a GitLab runner to call");
  }
  const { CI_SERVER_HOST: server = "gitlab", CI_RUNNER_ID: runner = "0" } = variables;
  return { id, holder: `gitlab-runner ${runner} of ${server}, job ${id}`, variables };
}

/** Replaces `$NAME` and `${NAME}` by the job's variables, `$$` by `$`; an unknown name by nothing, as the runner does. */
export function expandVariables(text: string, variables: RunnerJob["variables"]): string {
  return text.replaceAll(/\$(?:\$|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})/g, (whole, bare?: string, braced?: string) =>
    whole === "$$" ? "$" : (variables[bare ?? braced ?? ""] ?? ""),
  );
}
