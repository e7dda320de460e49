import { ConfigError } from "../domain/errors.ts";
import type { Problem } from "../domain/errors.ts";
import type { JobImage, JobService, JobSpec } from "../domain/job.ts";
import { validateJobSpec } from "../jobs/validate.ts";
import { slugFrom } from "../jobs/variables.ts";
import { expandText, expandVariables } from "./expand.ts";
import type { ImageText, PipelineJob, ServiceText } from "./model.ts";

/** A job that lacks only its pool and the project's archive. */
export type JobPlan = Omit<JobSpec, "poolName" | "archiveId">;

/** What the jobs of one run have in common. */
export interface RunVariables {
  /** What GitLab would know of the project and its commit; the file's variables win over them. */
  readonly predefined: Readonly<Record<string, string>>;
  /** Given by the user for this run: taken as they are, and winning over all. */
  readonly overrides: Readonly<Record<string, string>>;
}

/** Where jobs find their folder unless the machine is told otherwise. */
const BUILDS_DIR = "/builds";
/** GitLab drops a job that no runner took for a day. Source: BUILD_PENDING_OUTDATED_TIMEOUT in its DropPendingService. */
const WAIT_TIMEOUT_MS = 24 * 60 * 60 * 1000;

/**
 * Fills in all variables of a pipeline's jobs; keys are the jobs' names.
 * @param fileName how messages name the pipeline's file.
 * @throws ConfigError with every job that could not be run: a variable that leads to itself, an image without a name, a
 * script too long.
 */
export function planJobs(jobs: readonly PipelineJob[], run: RunVariables, fileName: string): Map<string, JobPlan> {
  const problems: Problem[] = [];
  const plans = new Map<string, JobPlan>();
  for (const job of jobs) {
    const { plan, cycles } = planJob(job, run);
    plans.set(job.name, plan);
    const messages = cycles.map((cycle) => `expected its variables to come to an end, got the cycle ${cycle}`);
    for (const message of [...messages, ...messagesOn(plan)]) {
      problems.push({ place: `${fileName}:${job.line}`, message: `job \`${job.name}\`: ${message}` });
    }
  }
  if (problems.length > 0) throw new ConfigError(problems, "pipeline-invalid");
  return plans;
}

function messagesOn(plan: JobPlan): string[] {
  try {
    validateJobSpec({ ...plan, poolName: "" });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ place, message }) => `${place}: ${message}`);
  }
}

function planJob(
  job: PipelineJob,
  { predefined, overrides }: RunVariables,
): { plan: JobPlan; cycles: readonly string[] } {
  const given = Object.entries(overrides).map(([name, text]) => [name, { text, isRaw: true }] as const);
  const known = { ...predefined, ...variablesOf(job) };
  const folders = { CI_BUILDS_DIR: BUILDS_DIR, CI_PROJECT_DIR: `${BUILDS_DIR}/${slugFrom(job.name)}` };
  const own = expandVariables({ ...job.variables, ...Object.fromEntries(given) }, { ...known, ...folders });
  const variables: Readonly<Record<string, string>> = { ...known, ...own.values };
  const all: Readonly<Record<string, string>> = { ...folders, ...variables };
  const expand = (text: string): string =>
    expandText(text, (name) => (Object.hasOwn(all, name) ? (all[name] ?? "") : ""));
  const plan: JobPlan = {
    name: job.name,
    holder: "ci",
    image: job.image && imageFrom(job.image, expand),
    services: job.services.map((service) => serviceFrom(service, variables, all, expand)),
    variables,
    beforeScript: job.beforeScript,
    script: job.script,
    afterScript: job.afterScript,
    echoCommands: true,
    timeoutMs: job.timeoutMs,
    waitTimeoutMs: WAIT_TIMEOUT_MS,
  };
  return { plan, cycles: own.cycles };
}

function variablesOf(job: PipelineJob): Record<string, string> {
  return {
    CI_JOB_NAME: job.name,
    CI_JOB_NAME_SLUG: slugFrom(job.name),
    CI_JOB_STAGE: job.stage,
    CI_NODE_TOTAL: String(job.node.total),
    ...(job.name === job.baseName ? {} : { CI_NODE_INDEX: String(job.node.index) }),
  };
}

function imageFrom(image: ImageText, expand: (text: string) => string): JobImage {
  return {
    name: expand(image.name),
    entrypoint: image.entrypoint,
    user: image.user && expand(image.user),
    pullPolicy: image.pullPolicy,
  };
}

function serviceFrom(
  service: ServiceText,
  jobVariables: Readonly<Record<string, string>>,
  known: Readonly<Record<string, string>>,
  expand: (text: string) => string,
): JobService {
  return {
    name: expand(service.name),
    aliases: service.aliases.map(expand),
    entrypoint: service.entrypoint,
    command: service.command,
    // GitLab shows a service the job's variables too: postgres or dind are set up by them.
    variables: { ...jobVariables, ...expandVariables(service.variables, known).values },
    pullPolicy: service.pullPolicy,
  };
}
