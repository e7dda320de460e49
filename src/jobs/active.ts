import { ConflictError, MayflyError } from "../domain/errors.ts";
import type { Job } from "../domain/job.ts";
import { ManagerStoppedError } from "./ends.ts";
import type { JobLife, JobLifeDeps } from "./lifeContext.ts";
import { liveJob } from "./life.ts";
import type { JobRecord } from "./record.ts";
import { StageDesk } from "./stages/desk.ts";
import { watchHolder } from "./stages/watchHolder.ts";

/** Of a job whose pool is gone from the configuration. */
const DEFAULT_JOB_TIMEOUT_MS = 3_600_000;

export interface ActiveJobDeps extends JobLifeDeps {
  /** A pool's job_timeout in milliseconds; undefined when there is no such pool. */
  readonly jobTimeoutMs: (poolName: string) => number | undefined;
}

export type StartedJob = Pick<JobLife, "spec" | "log" | "isResumed" | "progress">;

/** A job that has not ended, and the three ways to ask it to. */
export interface ActiveJob {
  readonly record: JobRecord;
  readonly cancel: AbortController;
  readonly force: AbortController;
  readonly turnAway: AbortController;
  readonly ended: Promise<void>;
  readonly desk: StageDesk | undefined;
}

/** Follows a job to its end, or until `handOver` aborts. */
export function startJob(record: JobRecord, rest: StartedJob, handOver: AbortSignal, deps: ActiveJobDeps): ActiveJob {
  const { poolName, cancelledBy } = record.job;
  const poolTimeoutMs = deps.jobTimeoutMs(poolName) ?? DEFAULT_JOB_TIMEOUT_MS;
  const timeoutMs = Math.min(rest.spec.timeoutMs ?? poolTimeoutMs, poolTimeoutMs);
  const [cancel, force, turnAway] = [new AbortController(), new AbortController(), new AbortController()];
  if (cancelledBy !== undefined) {
    cancel.abort(cancelReason(cancelledBy));
  }
  const signals = { cancel: cancel.signal, force: force.signal, turnAway: turnAway.signal, handOver };
  const { staged } = rest.spec;
  const desk = staged === undefined ? undefined : new StageDesk(deps.clock, rest.progress);
  const over = new AbortController();
  const ended = liveJob({ ...rest, ...signals, record, timeoutMs, desk }, deps).then(() => over.abort());
  const job = { record, cancel, force, turnAway, ended, desk };
  if (desk !== undefined && staged !== undefined) {
    const lapse = (why: Error): void => void cancelJob(job, false, "owner", why);
    void watchHolder(desk, staged.ttlMs, deps.clock, lapse, AbortSignal.any([over.signal, handOver]));
  }
  return job;
}

/** Why a job is followed no longer by this manager. */
export const handedOver = (): Error =>
  new HandedOverError("handed-over", "the manager hands its jobs over to the next one");

class HandedOverError extends MayflyError {}

/** Tells a job that still waits for a machine that none will come. */
export function turnAwayJob({ turnAway }: ActiveJob): void {
  turnAway.abort(new ConflictError("manager-stopping", "the manager is stopping; it is safe to run this again"));
}

type Canceller = NonNullable<Job["cancelledBy"]>;

/** Asks at once; resolves, never rejects, when that is stored or cannot be. */
export async function cancelJob(
  { record, cancel, force }: ActiveJob,
  isForced: boolean,
  by: Canceller,
  why: Error = cancelReason(by),
): Promise<void> {
  const isFirst = !cancel.signal.aborted;
  cancel.abort(why);
  if (isForced) {
    force.abort(new Error("the job was cancelled by force"));
  }
  if (isFirst) {
    await record.cancelled(by, `${why.message}: asked to end${isForced ? " at once" : ""}`);
  }
}

function cancelReason(by: Canceller): Error {
  switch (by) {
    case "owner":
      return new Error("the job was cancelled");
    case "manager":
      return new ManagerStoppedError(
        "manager-stopped",
        "the manager stopped before the job had ended; it is safe to run this again",
      );
  }
}
