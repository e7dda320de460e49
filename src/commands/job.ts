import type { Command } from "commander";
import { jobIdFrom } from "../domain/ids.ts";
import type { Job } from "../domain/job.ts";
import { connectManager, connectPatiently } from "./connect.ts";
import { contextOf } from "./context.ts";
import type { CommandContext } from "./context.ts";
import { printFields, printJson, printTable, writeAll } from "./output.ts";
import { RECONNECT_OPTION, reconnectFrom } from "./reconnect.ts";

/** Adds `mayfly job`. */
export function addJobCommand(program: Command): void {
  const job = program.command("job").description("see jobs, their logs, and why they wait");
  job
    .command("list")
    .option("--all", "those that have ended too")
    .description("list the jobs, oldest first")
    .action(async (options: { all?: boolean }, command: Command) => {
      await listJobs(contextOf(command), options.all === true);
    });
  job
    .command("show")
    .argument("<id>", "the job")
    .description("show one job")
    .action(async (id: string, _options: unknown, command: Command) => {
      await showJob(contextOf(command), id);
    });
  job
    .command("why")
    .argument("<id>", "the job")
    .description("say what happened to a job, and what it waits for")
    .action(async (id: string, _options: unknown, command: Command) => {
      await explainJob(contextOf(command), id);
    });
  job
    .command("logs")
    .argument("<id>", "the job")
    .option("-f, --follow", "go on until the job has ended")
    .option(...RECONNECT_OPTION)
    .description("print a job's log")
    .action(async (id: string, options: { follow?: boolean; reconnect: string }, command: Command) => {
      await printLog(contextOf(command), id, options.follow === true, reconnectFrom(options.reconnect));
    });
}

async function listJobs(context: CommandContext, isAll: boolean): Promise<void> {
  const jobs = await (await connectManager(context)).jobs(isAll);
  if (context.isJson) return printJson(context, jobs);
  const { isAnyPaid, shownInstant, shownUsd } = await import("./shown.ts");
  const isPaid = isAnyPaid(jobs);
  await printTable(
    context,
    ["job", "name", "pool", "holder", "state", "machine", "since", ...(isPaid ? ["cost"] : [])],
    jobs.map((job) => [
      job.id,
      job.name,
      job.poolName,
      job.holder,
      stateOf(job),
      job.machineId,
      shownInstant(job.state === "ended" ? job.endedAt : (job.startedAt ?? job.createdAt)),
      ...(isPaid ? [job.costUsd === undefined ? undefined : shownUsd(job.costUsd)] : []),
    ]),
  );
}

const stateOf = (job: Job): string => (job.state === "ended" ? job.end.result : job.state);

async function showJob(context: CommandContext, id: string): Promise<void> {
  const job = await (await connectManager(context)).job(jobIdFrom(id));
  if (context.isJson) return printJson(context, job);
  await printFields(context, await fieldsOf(job));
}

async function fieldsOf(job: Job): Promise<Record<string, string | number | undefined>> {
  const { shownDuration, shownInstant, shownUsd } = await import("./shown.ts");
  const end = job.state === "ended" ? job.end : undefined;
  return {
    job: job.id,
    name: job.name,
    state: stateOf(job),
    message: end !== undefined && "message" in end ? end.message : undefined,
    "exit code": end !== undefined && "exitCode" in end ? end.exitCode : undefined,
    pool: job.poolName,
    holder: job.holder,
    machine: job.machineId,
    lease: job.leaseId,
    created: shownInstant(job.createdAt),
    started: job.startedAt === undefined ? undefined : shownInstant(job.startedAt),
    ended: job.state === "ended" ? shownInstant(job.endedAt) : undefined,
    phases: Object.entries(job.phasesMs)
      .map(([phase, ms]) => `${phase} ${shownDuration(ms)}`)
      .join(", "),
    cost: job.costUsd === undefined ? undefined : `${shownUsd(job.costUsd)}${end === undefined ? " so far" : ""}`,
  };
}

async function explainJob(context: CommandContext, id: string): Promise<void> {
  const manager = await connectManager(context);
  const jobId = jobIdFrom(id);
  const [job, events, waited] = await Promise.all([
    manager.job(jobId),
    manager.jobEvents(jobId),
    manager.jobWhy(jobId),
  ]);
  const waiting =
    job.state === "waiting" ? (await manager.leases(false)).find(({ lease }) => lease.jobId === jobId) : undefined;
  const why = waiting?.why;
  if (context.isJson) return printJson(context, { job, ...(why === undefined ? {} : { why }), waited, events });
  const { shownInstant } = await import("./shown.ts");
  const now = why === undefined ? "" : `waits: ${why}\n`;
  const lines = events.map(
    ({ at, what, detail }) => `${shownInstant(at)}  ${what}${detail === "" ? "" : `: ${detail}`}\n`,
  );
  const message = job.state === "ended" && "message" in job.end ? `: ${job.end.message}` : "";
  await writeAll(
    context.stdout,
    `${lines.join("")}${now}wait: ${waited.why}\njob ${job.id} (${job.name}): ${stateOf(job)}${message}\n`,
  );
}

async function printLog(context: CommandContext, id: string, isFollowing: boolean, reconnectMs: number): Promise<void> {
  const manager = await connectPatiently(context, isFollowing ? reconnectMs : 0);
  const jobId = jobIdFrom(id);
  const signal = new AbortController().signal;
  const write = (bytes: Uint8Array): Promise<void> => writeAll(context.stdout, bytes);
  if (isFollowing) {
    // An id that nobody knows is told at once, not taken for a log that has not begun.
    await manager.job(jobId);
    const { followJob } = await import("../ci/followJob.ts");
    await followJob(manager, jobId, write, signal);
    return;
  }
  for await (const bytes of manager.jobLog(jobId, 0, false, signal)) await write(bytes);
}
