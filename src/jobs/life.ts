import { ConflictError } from "../domain/errors.ts";
import type { JobEnd, JobSpec } from "../domain/job.ts";
import type { JobProgress } from "../domain/jobProgress.ts";
import type { Lease } from "../domain/lease.ts";
import type { JobLogWriter } from "../ports/files.ts";
import type { HeldMachine, Leases } from "../ports/leases.ts";
import { durationText } from "./durations.ts";
import { announceEnd, concludeJob, endFromError, NeverBegunError } from "./ends.ts";
import type { Notes } from "./notes.ts";
import { createNotes } from "./notes.ts";
import { inOrder } from "./output.ts";
import type { PhaseMeter } from "./phases.ts";
import { createPhaseMeter } from "./phases.ts";
import type { JobRecord } from "./record.ts";
import { releaseMachine } from "./release.ts";
import { keepRenewed } from "./renew.ts";
import { whenThereIsRoom } from "./room.ts";
import type { BegunProgress, JobRun, RunJobDeps } from "./run.ts";
import { runJob } from "./run.ts";
import type { StageDesk } from "./stages/desk.ts";
import { orAborted } from "./waits.ts";

/** Everything that a job's life touches. */
export interface JobLife {
  readonly spec: JobSpec;
  readonly record: JobRecord;
  readonly log: JobLogWriter;
  /** Bound of before_script and script together, in milliseconds. */
  readonly timeoutMs: number;
  readonly cancel: AbortSignal;
  readonly force: AbortSignal;
  /** Ends the job, with its reason, while it waits for a machine. */
  readonly turnAway: AbortSignal;
  /** Leaves the job as it is, for another manager. */
  readonly handOver: AbortSignal;
  /** Whether an earlier manager accepted it. */
  readonly isResumed: boolean;
  /** Where a staged job meets its holder. */
  readonly desk?: StageDesk | undefined;
  /** How far that one came with it. */
  readonly progress?: JobProgress | undefined;
}

export interface JobLifeDeps extends RunJobDeps {
  readonly leases: Leases;
}

/** What the parts of one life share. */
interface LifeContext {
  readonly life: JobLife;
  readonly deps: JobLifeDeps;
  readonly run: JobRun;
  readonly meter: PhaseMeter;
  readonly notes: Notes;
  /** Aborts when the lease need not be renewed any more. */
  readonly over: AbortSignal;
}

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

/** Waits, under the lease that the job has or asks for, until it has a machine that no job has touched. */
async function newMachine({ life, deps, notes, over }: LifeContext): Promise<HeldMachine> {
  const { record, cancel, force, turnAway, handOver } = life;
  const giveUp = AbortSignal.any([cancel, force, turnAway, handOver]);
  giveUp.throwIfAborted();
  const lease = await openLease(life, deps, giveUp);
  void keepRenewed(lease, deps, over);
  const onWait = (why: string): void => {
    record.happened("job kept waiting", why);
    notes.line(`Waiting for a machine: ${why}`).catch(() => undefined);
  };
  return orAborted(deps.leases.waitUntilHeld(lease.id, onWait, giveUp), giveUp);
}

async function openLease(
  { spec, record, isResumed }: JobLife,
  { leases, clock }: JobLifeDeps,
  signal: AbortSignal,
): Promise<Lease> {
  const { id, leaseId, createdAt } = record.job;
  if (leaseId !== undefined) {
    return leases.renew(leaseId);
  }
  const { poolName, holder, waitTimeoutMs } = spec;
  const queuedSince = isResumed ? createdAt : undefined;
  const lease = await whenThereIsRoom(clock, signal, () =>
    leases.request({ poolName, holder, jobId: id, waitTimeoutMs, queuedSince }),
  );
  if (lease.state === "held") record.leased(lease.id);
  else await record.lease(lease.id, signal);
  return lease;
}

/** Waits for the machine that the job runs on. Whoever cancels the job meanwhile has its script stopped there. */
async function resumedMachine({ life, deps, over }: LifeContext): Promise<HeldMachine> {
  const { leaseId } = life.record.job;
  if (leaseId === undefined) {
    throw new ConflictError("no-lease", "the job had no lease");
  }
  const signal = AbortSignal.any([life.force, life.handOver]);
  const lease = await deps.leases.renew(leaseId);
  void keepRenewed(lease, deps, over);
  return orAborted(
    deps.leases.waitUntilHeld(leaseId, () => undefined, signal),
    signal,
  );
}

/** Gives back a machine that was being prepared for the job, and puts the job into the queue again, where it was. */
async function giveBack({ life, deps }: LifeContext): Promise<void> {
  const { record, cancel, force, handOver } = life;
  const { leaseId, machineId } = record.job;
  const why = "the manager was restarted before the job's script had begun";
  const signal = AbortSignal.any([cancel, force, handOver]);
  signal.throwIfAborted();
  if (leaseId !== undefined) {
    await whenThereIsRoom(deps.clock, signal, () => deps.leases.release(leaseId, "released", why));
  }
  await record.requeue(machineId === undefined ? why : `${why}; ${machineId} is given back`, signal);
}

async function closeLog({ log, record }: JobLife, { logger }: JobLifeDeps): Promise<void> {
  await log.close().catch((error: unknown) => logger.warn({ err: error, jobId: record.job.id }, "lost a job's log"));
}
