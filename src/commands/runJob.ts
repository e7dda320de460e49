import { isUtf8 } from "node:buffer";
import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { packProject } from "../ci/archive.ts";
import { attendJob, giveUpAfter } from "../ci/attendJob.ts";
import type { EndedJob } from "../ci/followJob.ts";
import { systemClock } from "../daemon/clock.ts";
import { ConfigError } from "../domain/errors.ts";
import type { JobId } from "../domain/ids.ts";
import type { JobSpec } from "../domain/job.ts";
import { validateJobSpec } from "../jobs/validate.ts";
import type { Manager } from "../ports/manager.ts";
import type { CommandContext } from "./context.ts";
import { EXIT, exitCodeFrom } from "./exit.ts";
import type { Interrupts } from "./interrupts.ts";
import { durationFrom } from "./options.ts";
import { printJson, writeAll } from "./output.ts";
import { reconnectFrom } from "./reconnect.ts";
import { quoteWords } from "./shellWords.ts";
import { tellWait } from "./tellWait.ts";
import { variablesFrom } from "./variableOptions.ts";
import { withManager } from "./withManager.ts";

/** The options of `mayfly run` itself, as they were given. */
export interface RunOptions {
  readonly script?: string;
  readonly name: string;
  readonly pool?: string;
  readonly image?: string;
  readonly service?: readonly string[];
  readonly variable?: readonly string[];
  readonly timeout?: string;
  readonly wait: string;
  readonly reconnect: string;
  readonly files?: string;
}

type Draft = Omit<JobSpec, "poolName" | "archiveId">;

/** Runs one job on one fresh machine; its output is this command's, its result the exit code. */
export async function runJob(words: readonly string[], options: RunOptions, context: CommandContext): Promise<void> {
  const draft = await draftFrom(words, options, context);
  const folder = options.files === undefined ? undefined : await folderFrom(options.files, context.cwd);
  const ended = await withManager(context, reconnectFrom(options.reconnect), async (manager, interrupts) => {
    const poolName = await choosePool(manager, options.pool);
    const { first } = interrupts;
    const archiveId = folder === undefined ? undefined : await manager.putArchive(packProject(folder, first), first);
    first.throwIfAborted();
    const job = await attend(manager, { ...draft, poolName, archiveId }, interrupts, context);
    return { job, isInterrupted: first.aborted };
  });
  await report(ended.job, context);
  context.setExitCode(ended.isInterrupted ? EXIT.interrupted : exitCodeFrom(ended.job.end.result));
}

async function draftFrom(words: readonly string[], options: RunOptions, { cwd }: CommandContext): Promise<Draft> {
  const { script, image, service = [], variable = [], timeout } = options;
  if (words.length > 0 === (script !== undefined)) {
    const got = script === undefined ? "neither" : "both";
    throw usage("run", `Expected a command after \`--\`, or --script FILE, got ${got}`);
  }
  const draft: Draft = {
    name: options.name,
    holder: "run",
    image: image === undefined ? undefined : { name: image },
    services: service.map((name) => ({ name, aliases: [], variables: {} })),
    variables: variablesFrom(variable),
    beforeScript: [],
    ...(script === undefined ? { script: [quoteWords(words)] } : await readScript(resolve(cwd, script), script)),
    afterScript: [],
    echoCommands: false,
    timeoutMs: timeout === undefined ? undefined : durationFrom("--timeout", timeout),
    waitTimeoutMs: durationFrom("--wait", options.wait),
  };
  // The manager checks it too; here nothing has been started yet.
  validateJobSpec({ ...draft, poolName: "" });
  return draft;
}

/** Reads a script to be run byte for byte; only what JSON cannot carry as text goes as base64. */
async function readScript(path: string, shownPath: string): Promise<Pick<JobSpec, "script" | "scriptEncoding">> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw usage("--script", `Expected a readable script at ${shownPath}, got ${error.code}`);
  });
  if (isUtf8(bytes)) return { script: [bytes.toString()] };
  return { script: [bytes.toString("base64")], scriptEncoding: "base64" };
}

async function folderFrom(files: string, cwd: string): Promise<string> {
  const folder = resolve(cwd, files);
  const stats = await stat(folder).catch(() => undefined);
  if (stats?.isDirectory() !== true) throw usage("--files", `Expected a folder, got "${files}"`);
  return folder;
}

/** @throws NotFoundError when there is no such pool, before anything starts. */
async function choosePool(manager: Manager, name: string | undefined): Promise<string> {
  if (name !== undefined) return (await manager.pool(name)).desired.name;
  const [first] = await manager.pools();
  if (first === undefined) throw usage("--pool", "Expected the config to have a pool, it has none");
  return first.desired.name;
}

const usage = (place: string, message: string): ConfigError => new ConfigError([{ place, message }], "usage");

/** Submits the job, copies its log, passes interrupts on to it, and says on stderr what it waits for. */
async function attend(
  manager: Manager,
  spec: JobSpec,
  { first, second }: Interrupts,
  context: CommandContext,
): Promise<EndedJob> {
  const ended = new AbortController();
  // With --json the log makes way for the data.
  const stream = context.isJson ? context.stderr : context.stdout;
  const write = (bytes: Uint8Array): Promise<void> => writeAll(stream, bytes);
  const tell = (text: string): Promise<void> => writeAll(context.stderr, `mayfly: ${text}\n`);
  const onFirst = (): void => void tell("cancelling the job; interrupt again to force it").catch(() => undefined);
  first.addEventListener("abort", onFirst, { once: true });
  const onAccepted = (jobId: JobId): void => void tellWait(manager, jobId, tell, ended.signal);
  try {
    const giveUp = giveUpAfter(second, systemClock, ended.signal);
    return await attendJob(manager, spec, write, { stop: first, force: second, giveUp }, onAccepted);
  } finally {
    first.removeEventListener("abort", onFirst);
    ended.abort();
  }
}

async function report(job: EndedJob, context: CommandContext): Promise<void> {
  const { name, machineId = null, poolName, phasesMs, costUsd, end } = job;
  const message = "message" in end ? end.message : undefined;
  if (message !== undefined) await writeAll(context.stderr, `mayfly: job ${name}: ${end.result}: ${message}\n`);
  if (!context.isJson) return;
  const exitCode = "exitCode" in end ? end.exitCode : null;
  await printJson(context, { name, machineId, poolName, exitCode, result: end.result, message, phasesMs, costUsd });
}
