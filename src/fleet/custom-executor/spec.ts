import type { JobImage, JobService, JobSpec, PullPolicy, RegistryLogin } from "../../domain/job.ts";
import type { JobResponse } from "./jobResponse.ts";
import type { RunnerJob } from "./runnerJob.ts";
import { expandVariables } from "./runnerJob.ts";
import { servicesFromEnvironment } from "./services.ts";

/** What the operator says in `prepare_args`. */
export interface PrepareOptions {
  readonly pool?: string | undefined;
  /** Of jobs that name no image. */
  readonly image?: string | undefined;
  /** In milliseconds, ≥ 1,000. */
  readonly ttlMs: number;
  /** In milliseconds. */
  readonly waitTimeoutMs: number;
}

const PULL_POLICIES: readonly string[] = ["always", "if-not-present", "never"] satisfies readonly PullPolicy[];

/** Writes what the daemon is to hold for a runner's job. */
export function specFrom(
  { id, holder, variables }: RunnerJob,
  { pool, image, ttlMs, waitTimeoutMs }: PrepareOptions & { readonly pool: string },
  response: JobResponse | undefined,
): JobSpec {
  const expand = (text: string): string => expandVariables(text, variables);
  const timeoutMs = timeoutMsFrom(variables["CI_JOB_TIMEOUT"], response);
  return {
    name: `job-${id}`,
    poolName: pool,
    holder,
    image: imageFrom(variables["CI_JOB_IMAGE"], image, response, expand),
    services:
      response?.services?.map((service) => serviceFrom(service, expand)) ??
      servicesFromEnvironment(variables["CI_JOB_SERVICES"], expand),
    variables,
    beforeScript: [],
    script: [],
    afterScript: [],
    echoCommands: true,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    registryLogins: loginsFrom(response),
    staged: { ttlMs },
    waitTimeoutMs,
  };
}

/** The runner's own time for the job is over before the machine's: that begins later. */
function timeoutMsFrom(variable: string | undefined, response: JobResponse | undefined): number | undefined {
  const seconds = response?.runner_info?.timeout ?? Number(variable);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : undefined;
}

function imageFrom(
  named: string | undefined,
  fallback: string | undefined,
  response: JobResponse | undefined,
  expand: (text: string) => string,
): JobImage | undefined {
  const whole = response?.image ?? undefined;
  const name = expand(whole?.name || named || fallback || "");
  if (name === "") return undefined;
  const { entrypoint, pull_policy: policies, executor_opts: options } = whole ?? {};
  return {
    name,
    entrypoint: entrypoint ?? undefined,
    pullPolicy: pullPolicyFrom(policies),
    user: options?.docker?.user || undefined,
  };
}

function serviceFrom(
  service: NonNullable<JobResponse["services"]>[number],
  expand: (text: string) => string,
): JobService {
  const variables = (service.variables ?? []).map(({ key, value }) => [key, expand(value)]);
  return {
    name: expand(service.name),
    aliases: (service.alias ?? "").split(/[\s,]+/).filter((alias) => alias !== ""),
    entrypoint: service.entrypoint ?? undefined,
    command: service.command ?? undefined,
    variables: Object.fromEntries(variables),
    pullPolicy: pullPolicyFrom(service.pull_policy),
  };
}

function pullPolicyFrom(policies: readonly string[] | null | undefined): readonly PullPolicy[] | undefined {
  const known = (policies ?? []).filter((policy): policy is PullPolicy => PULL_POLICIES.includes(policy));
  return known.length === 0 ? undefined : known;
}

function loginsFrom(response: JobResponse | undefined): readonly RegistryLogin[] | undefined {
  const logins = (response?.credentials ?? []).filter(({ type }) => type === "registry");
  return logins.length === 0
    ? undefined
    : logins.map(({ url: server, username, password }) => ({ server, username, password }));
}
