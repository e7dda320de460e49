import type { JobId } from "../domain/ids.ts";
import type { Job } from "../domain/job.ts";
import type { Manager } from "../ports/manager.ts";

/** How long one question may stay open, in milliseconds. */
const LONG_POLL_MS = 30_000;
/** Between a job's acceptance and its place in the queue, in milliseconds. */
const SHORT_POLL_MS = 200;

/** Says why a job waits for its machine, whenever that changes, and which machine it gets. Never rejects: it only informs. */
export async function tellWait(
  manager: Pick<Manager, "awaitJob" | "awaitLease">,
  jobId: JobId,
  tell: (text: string) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  try {
    const job = await queued(manager, jobId, signal);
    if (job.leaseId === undefined) return;
    let why: string | undefined;
    for (;;) {
      const view = await manager.awaitLease(job.leaseId, LONG_POLL_MS, why, signal);
      if (view.lease.state === "held") await tell(`the job got machine ${view.lease.machineId}`);
      if (view.lease.state !== "waiting") return;
      if (view.why !== undefined && view.why !== why) await tell(`waiting for a machine: ${view.why}`);
      why = view.why;
    }
  } catch {
    // What keeps the job from being followed shows where it is followed.
  }
}

async function queued(manager: Pick<Manager, "awaitJob">, jobId: JobId, signal: AbortSignal): Promise<Job> {
  for (;;) {
    const job = await manager.awaitJob(jobId, SHORT_POLL_MS, signal);
    if (job.leaseId !== undefined || job.state !== "waiting") return job;
  }
}
