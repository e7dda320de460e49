import type { JobEnd } from "../domain/job.ts";
import type { JobProgress } from "../domain/jobProgress.ts";
import type { HeldMachine } from "../ports/leases.ts";
import { durationText } from "./durations.ts";
import { announceEnd, concludeJob, endFromError, NeverBegunError } from "./ends.ts";
import type { JobLife, JobLifeDeps, LifeContext } from "./lifeContext.ts";
import { giveBack, newMachine, resumedMachine } from "./machine.ts";
import { createNotes } from "./notes.ts";
import { inOrder } from "./output.ts";
import { createPhaseMeter } from "./phases.ts";
import { releaseMachine } from "./release.ts";
import type { BegunProgress, JobRun } from "./run.ts";
import { runJob } from "./run.ts";
import { orAborted } from "./waits.ts";

const neverLost = new AbortController().signal;

/** Takes an accepted job, or goes on with one, through queue, machine and release to its one end, or until it is handed over. Never rejects. */
export async function liveJob(life: JobLife, deps: JobLifeDeps): Promise<void> {
  const { spec, record, handOver, force } = life;
  const over = new AbortController();
  const run = runOf(life);
  const context: LifeContext = {
    ...{ life, deps, run, over: AbortSignal.any([over.signal, handOver]) },
    meter: createPhaseMeter(deps.clock, run.onPhase),
    notes: createNotes(run.output, !spec.echoCommands),
  };
  try {
    const end = await untilEnd(context);
    life.desk?.close(end);
    const { leaseId } = record.job;
    handOver.throwIfAborted();
    if (leaseId !== undefined) {
      await context.meter.measure("released", () => releaseMachine(leaseId, end, record.job.id, deps, force, handOver));
    }
    over.abort();
    await closeLog(life, deps);
    await record.end(end, handOver);
  } catch (error) {
    over.abort();
    await closeLog(life, deps);
    if (!handOver.aborted) {
      deps.logger.error({ err: error, jobId: record.job.id }, "a job was left without its end");
    }
  }
}

function runOf({ record, log, timeoutMs, cancel, force, handOver, desk }: JobLife): JobRun {
  const stopping = AbortSignal.any([force, handOver]);
  return {
    ...{ cancel, force, handOver, timeoutMs, desk },
    output: inOrder((bytes) => log.write(bytes)),
    logBytes: () => log.sizeBytes,
    keep: (progress) => record.keep(progress, stopping),
    onPhase: (name, ms) => record.measured({ [name]: ms }, `${name}: ${durationText(ms)}`),
  };
}

/** @throws the reason of `handOver` alone. */
async function untilEnd(context: LifeContext): Promise<JobEnd> {
  const { life, run, notes, deps } = context;
  const { record, cancel, force, handOver } = life;
  if (life.progress?.phase === "ended") {
    return conclude(life.progress, context);
  }
  try {
    return await reachEnd(context, life.progress);
  } catch (error) {
    handOver.throwIfAborted();
    const end = endFromError(error, { cancel, force, lost: neverLost });
    if (end.result === "system-failure") {
      deps.logger.warn({ err: error, jobId: record.job.id }, "job could not be run");
    }
    await concludeJob({ end }, notes, run);
    return end;
  }
}

/** Finishes what another manager began to finish. */
async function conclude(
  { end, said, logBytes }: Extract<JobProgress, { readonly phase: "ended" }>,
  { life, notes }: LifeContext,
): Promise<JobEnd> {
  if (life.log.sizeBytes <= logBytes) {
    await orAborted(announceEnd({ end, said }, notes), life.force).catch(() => undefined);
  }
  return end;
}

async function reachEnd(context: LifeContext, begun: BegunProgress | undefined): Promise<JobEnd> {
  const { record } = context.life;
  if (begun === undefined) {
    if (record.job.state === "running") {
      await giveBack(context);
    }
    return runOnNewMachine(context);
  }
  try {
    record.happened("job resumed", "the manager was restarted; the job goes on where it is");
    return await runOn(await resumedMachine(context), context, begun);
  } catch (error) {
    if (!(error instanceof NeverBegunError)) {
      throw error;
    }
    await giveBack(context);
    return runOnNewMachine(context);
  }
}

async function runOnNewMachine(context: LifeContext): Promise<JobEnd> {
  const { life, meter, notes } = context;
  const machine = await meter.measure("queued", () => newMachine(context), life.record.job.createdAt);
  await life.record.run(machine.machineId, AbortSignal.any([life.cancel, life.force, life.handOver]));
  await notes.section(`Running with mayfly on ${machine.machineId}`);
  return runOn(machine, context, undefined);
}

async function runOn(machine: HeldMachine, { life, deps, run }: LifeContext, begun?: BegunProgress): Promise<JobEnd> {
  const { end } = await runJob(life.spec, machine, run, deps, begun);
  return end;
}

async function closeLog({ log, record }: JobLife, { logger }: JobLifeDeps): Promise<void> {
  await log.close().catch((error: unknown) => logger.warn({ err: error, jobId: record.job.id }, "lost a job's log"));
}
