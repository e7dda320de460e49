import { ConfigError } from "../domain/errors.ts";
import type { Problem } from "../domain/errors.ts";
import type { JobImage, JobService, JobSpec } from "../domain/job.ts";
import { slugFrom } from "../jobs/variables.ts";
import { expandText, expandVariables } from "./expand.ts";
import type { ImageText, PipelineJob, ServiceText } from "./model.ts";

/** What the jobs of one run have in common. */
export interface RunContext {
  readonly fileName: string;
  /** What GitLab would know of the project and its commit; the file's variables win over them. */
  readonly predefined: Readonly<Record<string, string>>;
  /** Given by the user for this run: taken as they are, and winning over all. */
  readonly overrides: Readonly<Record<string, string>>;
  readonly poolNameOf: (job: PipelineJob) => string;
}

/** Where jobs find their folder unless the machine is told otherwise. */
const BUILDS_DIR = "/builds";
/** GitLab drops a job that no runner took for a day. Source: BUILD_PENDING_OUTDATED_TIMEOUT in its DropPendingService. */
const WAIT_TIMEOUT_MS = 24 * 60 * 60 * 1000;

/**
 * Makes the jobs of a pipeline ready to submit, all variables filled in; keys are the jobs' names.
 * @throws ConfigError with every variable that leads to itself and every image's name that comes out empty.
 */
export function jobSpecsFrom(jobs: readonly PipelineJob[], context: RunContext): Map<string, JobSpec> {
  const problems: Problem[] = [];
  const specs = new Map(jobs.map((job) => [job.name, jobSpecFrom(job, context, problems)]));
  if (problems.length > 0) throw new ConfigError(problems, "pipeline-invalid");
  return specs;
}

function jobSpecFrom(job: PipelineJob, context: RunContext, problems: Problem[]): JobSpec {
  const place = `${context.fileName}:${job.line}`;
  const overrides = Object.fromEntries(
    Object.entries(context.overrides).map(([name, text]) => [name, { text, isRaw: true }]),
  );
  const known = { ...context.predefined, ...jobVariablesFrom(job) };
  const folders = { CI_BUILDS_DIR: BUILDS_DIR, CI_PROJECT_DIR: `${BUILDS_DIR}/${slugFrom(job.name)}` };
  const { values, cycles } = expandVariables({ ...job.variables, ...overrides }, { ...known, ...folders });
  for (const cycle of cycles) {
    problems.push({
      place,
      message: `Expected the variables of \`${job.name}\` to come to an end, got the cycle ${cycle}`,
    });
  }
  const all: Readonly<Record<string, string>> = { ...known, ...folders, ...values };
  const expand = (text: string): string =>
    expandText(text, (name) => (Object.hasOwn(all, name) ? (all[name] ?? "") : ""));
  const expandName = (text: string, what: string): string => {
    const name = expand(text);
    if (name.trim() !== "") return name;
    problems.push({
      place,
      message: `Expected the ${what} of \`${job.name}\` to have a name, got "${text}", which is empty here`,
    });
    return name;
  };
  const variables = { ...known, ...values };
  return {
    name: job.name,
    poolName: context.poolNameOf(job),
    holder: "ci",
    image: job.image && imageFrom(job.image, expand, expandName),
    services: job.services.map((service) => serviceFrom(service, variables, all, expand, expandName)),
    variables,
    beforeScript: job.beforeScript,
    script: job.script,
    afterScript: job.afterScript,
    echoCommands: true,
    timeoutMs: job.timeoutMs,
    waitTimeoutMs: WAIT_TIMEOUT_MS,
  };
}

function jobVariablesFrom(job: PipelineJob): Record<string, string> {
  return {
    CI_JOB_NAME: job.name,
    CI_JOB_NAME_SLUG: slugFrom(job.name),
    CI_JOB_STAGE: job.stage,
    CI_NODE_TOTAL: String(job.node.total),
    ...(job.name === job.baseName ? {} : { CI_NODE_INDEX: String(job.node.index) }),
  };
}

type Expand = (text: string) => string;
type ExpandName = (text: string, what: string) => string;

function imageFrom(image: ImageText, expand: Expand, expandName: ExpandName): JobImage {
  return {
    name: expandName(image.name, "image"),
    entrypoint: image.entrypoint,
    user: image.user && expand(image.user),
    pullPolicy: image.pullPolicy,
  };
}

function serviceFrom(
  service: ServiceText,
  jobVariables: Readonly<Record<string, string>>,
  known: Readonly<Record<string, string>>,
  expand: Expand,
  expandName: ExpandName,
): JobService {
  return {
    name: expandName(service.name, "service"),
    aliases: service.aliases.map(expand),
    entrypoint: service.entrypoint,
    command: service.command,
    // GitLab shows a service the job's variables too; images like postgres are set up by them.
    variables: { ...jobVariables, ...expandVariables(service.variables, known).values },
    pullPolicy: service.pullPolicy,
  };
}
