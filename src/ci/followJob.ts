import { isManagerAway } from "../api/outage.ts";
import { NotFoundError, SystemError, TransientError } from "../domain/errors.ts";
import type { JobId } from "../domain/ids.ts";
import type { Job } from "../domain/job.ts";
import type { Manager } from "../ports/manager.ts";

/** A job that came to its end. */
export type EndedJob = Extract<Job, { readonly state: "ended" }>;

/** How long one question about a job's state may stay open, in milliseconds. */
const LONG_POLL_MS = 30_000;
/** How often in a row the log may break off without a byte before that is the caller's business. */
const MAX_BROKEN_READS = 5;

/**
 * Streams a job's log to `write`, which is the back-pressure, until the job has ended, and answers the ended job.
 * A log that breaks off is resumed at its offset.
 * @throws TransientError when the log keeps breaking off; SystemError `manager-away`, with what to do next, when the manager
 * went and did not come back; the signal's reason when it aborts.
 */
export async function followJob(
  manager: Pick<Manager, "jobLog" | "awaitJob">,
  jobId: JobId,
  write: (bytes: Uint8Array) => Promise<void>,
  signal: AbortSignal,
): Promise<EndedJob> {
  try {
    return await follow(manager, jobId, write, signal);
  } catch (error) {
    if (!isManagerAway(error)) throw error;
    const next = `job ${jobId} goes on without it: \`mayfly job logs ${jobId} --follow\` once it is back`;
    throw new SystemError(error.code, `${error.message}; ${next}`, { cause: error });
  }
}

async function follow(
  manager: Pick<Manager, "jobLog" | "awaitJob">,
  jobId: JobId,
  write: (bytes: Uint8Array) => Promise<void>,
  signal: AbortSignal,
): Promise<EndedJob> {
  let offset = 0;
  let brokenReads = 0;
  for (;;) {
    try {
      for await (const bytes of manager.jobLog(jobId, offset, true, signal)) {
        offset += bytes.length;
        if (bytes.length > 0) brokenReads = 0;
        await write(bytes);
      }
      return await waitUntilEnded(manager, jobId, signal);
    } catch (error) {
      if (!(error instanceof TransientError || error instanceof NotFoundError)) throw error;
      brokenReads += 1;
      if (brokenReads > MAX_BROKEN_READS) throw error;
      // The question is the pause before the next try, and tells an ended job without a log from one that has none yet.
      const job = await manager.awaitJob(jobId, 1000, signal);
      if (job.state === "ended" && error instanceof NotFoundError) return job;
    }
  }
}

async function waitUntilEnded(
  manager: Pick<Manager, "awaitJob">,
  jobId: JobId,
  signal: AbortSignal,
): Promise<EndedJob> {
  for (;;) {
    const job = await manager.awaitJob(jobId, LONG_POLL_MS, signal);
    if (job.state === "ended") return job;
    signal.throwIfAborted();
  }
}
