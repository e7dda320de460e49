import type { LeaseId } from "../domain/ids.ts";
import type { JobEnd, JobSpec } from "../domain/job.ts";
import type { LeaseOutcome } from "../domain/lease.ts";
import type { JobLogWriter } from "../ports/files.ts";
import type { Leases } from "../ports/leases.ts";
import { durationText } from "./durations.ts";
import { announceEnd, endFromError } from "./ends.ts";
import { createNotes } from "./notes.ts";
import type { JobOutput } from "./output.ts";
import { inOrder } from "./output.ts";
import { createPhaseMeter } from "./phases.ts";
import type { JobRecord } from "./record.ts";
import { keepRenewed } from "./renew.ts";
import type { RunJobDeps } from "./run.ts";
import { runJob } from "./run.ts";
import { orAborted, withDeadline } from "./waits.ts";

/** How long the end of a job waits for the end of its machine. The machine goes in any case; the reaper sees to that. */
const RELEASE_TIMEOUT_MS = 2 * 60_000;

/** Everything that a job's life touches. */
export interface JobLife {
  readonly spec: JobSpec;
  readonly record: JobRecord;
  readonly log: JobLogWriter;
  /** Bound of before_script and script together, in milliseconds. */
  readonly timeoutMs: number;
  readonly cancel: AbortSignal;
  readonly force: AbortSignal;
}

export interface JobLifeDeps extends RunJobDeps {
  readonly leases: Leases;
}

const neverLost = new AbortController().signal;

/** Takes an accepted job through queue, machine and release to its one end. Never rejects. */
export async function liveJob(life: JobLife, deps: JobLifeDeps): Promise<void> {
  const { spec, record, log, cancel, force } = life;
  const output = inOrder((bytes) => log.write(bytes));
  const renewing = new AbortController();
  const meter = createPhaseMeter(deps.clock, (name, ms) =>
    record.measured({ [name]: ms }, `${name}: ${durationText(ms)}`),
  );
  let end: JobEnd;
  try {
    const lease = await deps.leases.request({
      poolName: spec.poolName,
      holder: spec.holder,
      jobId: record.job.id,
      waitTimeoutMs: spec.waitTimeoutMs,
    });
    await record.lease(lease.id);
    void keepRenewed(lease, deps, renewing.signal);
    const notes = createNotes(output, !spec.echoCommands);
    const onWait = (why: string): void => {
      record.happened("job kept waiting", why);
      notes.line(`Waiting for a machine: ${why}`).catch(() => undefined);
    };
    const giveUp = AbortSignal.any([cancel, force]);
    const machine = await meter.measure("queued", () =>
      orAborted(deps.leases.waitUntilHeld(lease.id, onWait, giveUp), giveUp),
    );
    await record.run(machine.machineId);
    await notes.section(`Running with mayfly on ${machine.machineId}`);
    end = await runOn(machine, life, output, deps);
  } catch (error) {
    end = endFromError(error, { cancel, force, lost: neverLost });
    await orAborted(announceEnd(end, createNotes(output, !spec.echoCommands)), force).catch(() => undefined);
  }
  await release(record.job.leaseId, end, life, deps, (part) => meter.measure("released", part));
  renewing.abort();
  await log
    .close()
    .catch((error: unknown) => deps.logger.warn({ err: error, jobId: record.job.id }, "lost a job's log"));
  await record.end(end).catch((error: unknown) => {
    deps.logger.error({ err: error, jobId: record.job.id }, "could not store the end of a job");
  });
}

async function runOn(
  machine: Awaited<ReturnType<Leases["waitUntilHeld"]>>,
  { spec, record, timeoutMs, cancel, force }: JobLife,
  output: JobOutput,
  deps: JobLifeDeps,
): Promise<JobEnd> {
  const { end } = await runJob(
    spec,
    machine,
    {
      output,
      cancel,
      force,
      timeoutMs,
      onPhase: (name, ms) => record.measured({ [name]: ms }, `${name}: ${durationText(ms)}`),
    },
    deps,
  );
  return end;
}

/** Gives the machine back and waits until nothing is left of it, so that a job that has ended has no machine. */
async function release(
  leaseId: LeaseId | undefined,
  end: JobEnd,
  { record, force }: JobLife,
  { leases, clock, logger }: JobLifeDeps,
  measure: (part: () => Promise<void>) => Promise<void>,
): Promise<void> {
  if (leaseId === undefined) {
    return;
  }
  const late = new Error(`the machine was not gone after ${durationText(RELEASE_TIMEOUT_MS)}`);
  try {
    await measure(async () => {
      await leases.release(leaseId, outcomeFrom(end), `its job ended: ${end.result}`);
      await withDeadline(
        clock,
        RELEASE_TIMEOUT_MS,
        () => late,
        force,
        (signal) => orAborted(leases.waitUntilGone(leaseId, signal), signal),
      );
    });
  } catch (error) {
    if (!force.aborted) {
      logger.warn({ err: error, jobId: record.job.id, leaseId }, "job ended before its machine was gone");
    }
  }
}

function outcomeFrom(end: JobEnd): LeaseOutcome {
  switch (end.result) {
    case "success":
    case "failed":
    case "timeout":
    case "system-failure":
      return "released";
    case "cancelled":
      return "cancelled";
    case "machine-lost":
      return "machine-lost";
  }
}
