import { readFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { createAnnouncer } from "../ci/announce.ts";
import { packProject } from "../ci/archive.ts";
import { createLinePrinter } from "../ci/linePrinter.ts";
import type { LinePrinter } from "../ci/linePrinter.ts";
import type { Pipeline, PipelineJob } from "../ci/model.ts";
import { parsePipeline } from "../ci/parse.ts";
import { decideJobs } from "../ci/pipeline.ts";
import { choosePools } from "../ci/pools.ts";
import { predefinedVariables } from "../ci/predefined.ts";
import type { JobReport, PipelineReport } from "../ci/report.ts";
import { runPipeline } from "../ci/run.ts";
import { selectJobs } from "../ci/select.ts";
import { planJobs } from "../ci/spec.ts";
import type { JobPlan } from "../ci/spec.ts";
import { systemClock } from "../daemon/clock.ts";
import { systemRandom } from "../daemon/random.ts";
import { ConfigError } from "../domain/errors.ts";
import type { Manager } from "../ports/manager.ts";
import { outcomeLine, reportTable } from "./ciReport.ts";
import type { CommandContext } from "./context.ts";
import { EXIT } from "./exit.ts";
import type { Interrupts } from "./interrupts.ts";
import { variablesFrom } from "./variableOptions.ts";
import { printJson, writeAll } from "./output.ts";
import { reconnectFrom } from "./reconnect.ts";
import { withManager } from "./withManager.ts";

/** What `mayfly ci` was asked to do. */
export interface CiRequest {
  /** As given, for messages. */
  readonly fileName: string;
  /** The folder that holds the file; what belongs to it goes to every job. */
  readonly folder: string;
  readonly pipeline: Pipeline;
  readonly plans: ReadonlyMap<string, JobPlan>;
  readonly poolName: string | undefined;
}

/** The options of `mayfly ci` itself. */
export interface CiOptions {
  readonly job?: readonly string[];
  readonly pool?: string;
  readonly variable?: readonly string[];
  readonly reconnect?: string;
}

/** Runs a pipeline's file and prints what became of its jobs. */
export async function runCi(fileName: string, options: CiOptions, context: CommandContext): Promise<void> {
  const reconnectMs = reconnectFrom(options.reconnect);
  const request = await readRequest(fileName, options, context);
  await finishCi(
    await withManager(context, reconnectMs, (manager, interrupts) => runRequest(request, manager, interrupts, context)),
    context,
  );
}

/** Prints what became of a pipeline's jobs, and sets the exit code by it. */
export async function finishCi(report: PipelineReport, context: CommandContext): Promise<void> {
  await printReport(report, context);
  context.setExitCode(EXIT_CODES[report.result]);
}

const EXIT_CODES = {
  success: EXIT.done,
  failed: EXIT.jobFailed,
  "system-failure": EXIT.system,
  cancelled: EXIT.interrupted,
} as const satisfies Record<PipelineReport["result"], number>;

/** Reads and checks all that can be known before a machine is asked for. @throws ConfigError with every problem. */
export async function readRequest(fileName: string, options: CiOptions, context: CommandContext): Promise<CiRequest> {
  const overrides = variablesFrom(options.variable ?? []);
  const path = resolve(context.cwd, fileName);
  const { pipeline: whole, warnings } = parsePipeline(await readPipelineFile(path, fileName), fileName);
  const pipeline = options.job === undefined ? whole : selectJobs(whole, options.job);
  if (options.job === undefined) refuseIdle(pipeline, fileName);
  const folder = dirname(path);
  const predefined = await predefinedVariables(folder, basename(path), systemClock.now(), new AbortController().signal);
  const plans = planJobs(pipeline.jobs, { predefined, overrides }, fileName);
  for (const { place, message } of warnings) await warn(context, `${place}: ${message}`);
  return { fileName, folder, pipeline, plans, poolName: options.pool };
}

async function readPipelineFile(path: string, fileName: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const words = code === "ENOENT" ? "there is none: name one, as in `mayfly ci path/to/.gitlab-ci.yml`" : message;
    throw new ConfigError(
      [{ place: fileName, message: `Expected a pipeline's file, but ${words}` }],
      "pipeline-unreadable",
    );
  }
}

function refuseIdle({ jobs, stages }: Pipeline, fileName: string): void {
  const progress = new Map(jobs.map(({ name }) => [name, "pending"] as const));
  const { start, skip } = decideJobs(jobs, stages, progress);
  if (start.length > 0) return;
  const whys = skip.map(({ job, why }) => `${job.name}: ${why}`).join("; ");
  const message = `Expected a job that starts by itself, got none (${whys}): name one with --job`;
  throw new ConfigError([{ place: fileName, message }], "pipeline-idle");
}

/** Runs a checked request on a manager. */
export async function runRequest(
  { folder, pipeline, plans, poolName }: CiRequest,
  manager: Manager,
  interrupts: Interrupts,
  context: CommandContext,
): Promise<PipelineReport> {
  const poolNames = (await manager.pools()).map(({ desired }) => desired.name);
  const pools = choosePools(pipeline.jobs, poolNames, poolName);
  for (const warning of pools.warnings) await warn(context, warning);
  const archiveId = await manager.putArchive(packProject(folder, interrupts.first), interrupts.first);
  interrupts.first.throwIfAborted();
  return runPipeline(
    pipeline,
    (job) => {
      const plan = plans.get(job.name);
      if (plan === undefined) throw new Error(`job ${job.name} was not planned`);
      return { ...plan, poolName: pools.poolNameOf(job), archiveId };
    },
    {
      manager,
      clock: systemClock,
      announcer: createAnnouncer(pipeline, manager, pools.poolNameOf, systemClock, systemRandom),
      printerOf: (job) => printerFor(job, pipeline, context),
      onReport: (report: JobReport) => void context.stderr.write(`mayfly: ${outcomeLine(report)}\n`),
    },
    interrupts,
  );
}

const COLOURS = [36, 33, 32, 35, 34, 31];

/** With --json the logs make way for the data. */
function printerFor(job: PipelineJob, { jobs }: Pipeline, context: CommandContext): LinePrinter {
  const stream = context.isJson ? context.stderr : context.stdout;
  const hasColour = stream.isTTY && !context.env["NO_COLOR"];
  const colour = COLOURS[jobs.findIndex(({ name }) => name === job.name) % COLOURS.length];
  const prefix = hasColour ? `\u001b[${colour}m[${job.name}]\u001b[0m ` : `[${job.name}] `;
  return createLinePrinter(prefix, (bytes) => writeAll(stream, bytes));
}

async function printReport(report: PipelineReport, context: CommandContext): Promise<void> {
  const table = `\n${await reportTable(report)}\n`;
  if (!context.isJson) return writeAll(context.stdout, table);
  await writeAll(context.stderr, table);
  await printJson(context, report);
}

function warn({ stderr }: CommandContext, text: string): Promise<void> {
  return writeAll(stderr, `mayfly: warning: ${text}\n`);
}
