import { isManagerAway } from "../api/outage.ts";
import { NotFoundError, SystemError } from "../domain/errors.ts";
import type { JobId } from "../domain/ids.ts";
import type { Job, JobSpec } from "../domain/job.ts";
import type { Clock } from "../ports/clock.ts";
import type { Manager } from "../ports/manager.ts";
import { followJob } from "./followJob.ts";
import type { EndedJob } from "./followJob.ts";

/** The manager, as far as one job needs it. */
export type JobManager = Pick<Manager, "submitJob" | "jobLog" | "awaitJob" | "cancelJob">;

export interface JobSignals {
  /** The job is cancelled and waited for. */
  readonly stop: AbortSignal;
  /** The job is ended by force. */
  readonly force: AbortSignal;
  /** The job is waited for no longer. */
  readonly giveUp: AbortSignal;
}

/** How long jobs that were ended by force may take to be gone, in milliseconds. */
const FORCED_END_MS = 30_000;

/**
 * Submits a job and stays with it: its log goes to `write`, which is the back-pressure, until it has ended.
 * @throws ConfigError when the manager refuses the job; SystemError `manager-away` when the manager went and did not come
 * back, while the job goes on; what else keeps it from being followed, after the job was cancelled.
 */
export async function attendJob(
  manager: JobManager,
  spec: JobSpec,
  write: (bytes: Uint8Array) => Promise<void>,
  signals: JobSignals,
  onAccepted: (jobId: JobId) => void = () => undefined,
): Promise<EndedJob> {
  const { id } = await submit(manager, spec);
  onAccepted(id);
  const settleCancels = cancelOn(manager, id, signals);
  try {
    return await followJob(manager, id, write, signals.giveUp);
  } catch (error) {
    if (isManagerAway(error)) throw error;
    if (error instanceof NotFoundError) throw new SystemError("job-lost", lostText(id), { cause: error });
    await abandon(manager, id, signals.giveUp);
    throw error;
  } finally {
    settleCancels();
  }
}

async function submit(manager: JobManager, spec: JobSpec): Promise<Job> {
  try {
    return await manager.submitJob(spec);
  } catch (error) {
    if (!isManagerAway(error)) throw error;
    const text = `${error.message}; \`mayfly job list --all\` shows whether it took job ${spec.name}`;
    throw new SystemError(error.code, text, { cause: error });
  }
}

/** What came back is not the manager that took the job, or it lost its state directory. */
const lostText = (id: JobId): string =>
  `the manager knows no job ${id} any more: it has another state directory, or lost it`;

/** Passes interrupts on to the job, those from before it was submitted too. Answers how to stop that. */
function cancelOn(manager: JobManager, jobId: JobId, { stop, force }: JobSignals): () => void {
  // Whether the manager heard it shows in the job's end, which is awaited either way.
  const cancel = (isForced: boolean) => (): void => void manager.cancelJob(jobId, isForced).catch(() => undefined);
  const listeners = [
    [stop, cancel(false)],
    [force, cancel(true)],
  ] as const;
  for (const [signal, listener] of listeners) {
    if (signal.aborted) listener();
    else signal.addEventListener("abort", listener, { once: true });
  }
  return () => {
    for (const [signal, listener] of listeners) signal.removeEventListener("abort", listener);
  };
}

/** Ends a job that can no longer be followed, as far as the manager can be reached. */
async function abandon(manager: JobManager, jobId: JobId, signal: AbortSignal): Promise<void> {
  try {
    await manager.cancelJob(jobId, false);
    while ((await manager.awaitJob(jobId, FORCED_END_MS, signal)).state !== "ended") signal.throwIfAborted();
  } catch {
    // The first failure is what the caller reports.
  }
}

/** Aborts some time after `second` did, unless all has ended before. */
export function giveUpAfter(second: AbortSignal, clock: Clock, ended: AbortSignal): AbortSignal {
  const giveUp = new AbortController();
  const waitThenGiveUp = async (): Promise<void> => {
    await clock.sleep(FORCED_END_MS, ended);
    giveUp.abort(
      new SystemError("forced-end-failed", `the manager did not end the job within ${FORCED_END_MS / 1000} s`),
    );
  };
  const onSecond = (): void => void waitThenGiveUp().catch(() => undefined);
  if (second.aborted) onSecond();
  else second.addEventListener("abort", onSecond, { once: true, signal: ended });
  return giveUp.signal;
}
