import type { Job, JobEnd, JobSpec } from "../domain/job.ts";
import type { JobProgress } from "../domain/jobProgress.ts";
import type { Lease } from "../domain/lease.ts";
import type { JobLogWriter } from "../ports/files.ts";
import { JobRecord } from "./record.ts";
import type { JobServiceDeps } from "./service.ts";

/** A job of an earlier manager that goes on. */
export interface AdoptedJob {
  readonly record: JobRecord;
  readonly spec: JobSpec;
  readonly log: JobLogWriter;
  readonly progress: JobProgress | undefined;
}

const never = new AbortController().signal;

/**
 * Reads the jobs that an earlier manager left open, and gives back the machines that nobody of them holds.
 * @returns those that go on; the others were ended.
 */
export async function adoptJobs(resume: boolean, deps: JobServiceDeps): Promise<readonly AdoptedJob[]> {
  const { store, leases, logger } = deps;
  const open = await store.openJobs();
  const adopted: AdoptedJob[] = [];
  const left = new Map(
    (await store.openLeases()).flatMap((lease) => (lease.jobId ? [[lease.id, lease] as const] : [])),
  );
  for (const job of open) {
    const record = new JobRecord(job, deps);
    const progress = await store.jobProgress(job.id);
    const spec = await store.jobSpec(job.id);
    if (!resume || spec === undefined) {
      await record.end(endOf(job, progress, resume), never);
      continue;
    }
    const lease = leaseOf(job, [...left.values()]);
    if (lease !== undefined) {
      left.delete(lease.id);
      // The manager ended between its two writes.
      if (job.leaseId === undefined) {
        await record.lease(lease.id, never);
      }
    }
    adopted.push({ record, spec, progress, log: await deps.logs.create(job.id) });
  }
  for (const { id, jobId } of left.values()) {
    logger.info({ leaseId: id, jobId }, "gives back the lease of a job that has no use for it");
    await leases.release(id, "released", "its job has no use for it after the manager's restart");
  }
  return adopted;
}

/** The lease that is a job's: the one that its record names, or, where it names none yet, the one that names the job. */
const leaseOf = (job: Job, leases: readonly Lease[]): Lease | undefined =>
  leases.find((lease) => (job.leaseId === undefined ? lease.jobId === job.id : lease.id === job.leaseId));

/** What becomes of a job that does not go on. */
function endOf(job: Job, progress: JobProgress | undefined, resume: boolean): JobEnd {
  if (progress?.phase === "ended") {
    return progress.end;
  }
  if (resume) {
    return { result: "system-failure", message: "what the job was to do is not in the store any more" };
  }
  const message = "the manager was restarted before the job had ended";
  return job.state === "running" ? { result: "machine-lost", message } : { result: "system-failure", message };
}
