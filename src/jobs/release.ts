import type { JobId, LeaseId } from "../domain/ids.ts";
import type { JobEnd } from "../domain/job.ts";
import type { LeaseOutcome } from "../domain/lease.ts";
import { durationText } from "./durations.ts";
import type { JobLifeDeps } from "./lifeContext.ts";
import { whenThereIsRoom } from "./room.ts";
import { withDeadline } from "../ports/deadline.ts";
import { orAborted } from "./waits.ts";

/** How long the end of a job waits for the end of its machine. The machine goes in any case; the reaper sees to that. */
const RELEASE_TIMEOUT_MS = 2 * 60_000;

/**
 * Gives a job's machine back and waits until nothing is left of it, so that a job that has ended has no machine.
 * @throws the reason of `handOver` when it aborts.
 */
export async function releaseMachine(
  leaseId: LeaseId,
  end: JobEnd,
  jobId: JobId,
  { leases, clock, logger }: JobLifeDeps,
  force: AbortSignal,
  handOver: AbortSignal,
): Promise<void> {
  const late = new Error(`the machine was not gone after ${durationText(RELEASE_TIMEOUT_MS)}`);
  const hurry = AbortSignal.any([force, handOver]);
  try {
    // Not hurried: a machine that nobody gives back waits for its lease to lapse.
    const detail = `its job ended: ${end.result}`;
    await whenThereIsRoom(clock, handOver, () => leases.release(leaseId, outcomeFrom(end), detail));
    await withDeadline(
      clock,
      RELEASE_TIMEOUT_MS,
      () => late,
      hurry,
      (signal) => orAborted(leases.waitUntilGone(leaseId, signal), signal),
    );
  } catch (error) {
    handOver.throwIfAborted();
    if (!force.aborted) {
      logger.warn({ err: error, jobId, leaseId }, "job ended before its machine was gone");
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
