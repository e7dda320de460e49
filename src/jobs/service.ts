import { ConfigError, ConflictError, NotFoundError } from "../domain/errors.ts";
import type { JobId } from "../domain/ids.ts";
import { jobIdFrom } from "../domain/ids.ts";
import type { Job, JobSpec } from "../domain/job.ts";
import type { JobLogs } from "../ports/files.ts";
import type { Store } from "../ports/store.ts";
import type { JobLifeDeps } from "./life.ts";
import { liveJob } from "./life.ts";
import { JobRecord } from "./record.ts";
import { validateJobSpec } from "./validate.ts";
import { orAborted, whenAborted, within } from "./waits.ts";

/** How many ended jobs a list shows at the most. */
const RECENT_LIMIT = 1_000;
/** How long closing lets cancelled jobs end by themselves: the stop's grace, after_script, the machine's end. */
const CLOSE_TIMEOUT_MS = 8 * 60_000;
/** How long closing waits for jobs that were forced. */
const FORCED_CLOSE_TIMEOUT_MS = 10_000;

export interface JobServiceDeps extends JobLifeDeps {
  readonly store: Store;
  readonly logs: JobLogs;
  /** A pool's job_timeout in milliseconds; undefined when there is no such pool. */
  readonly jobTimeoutMs: (poolName: string) => number | undefined;
}

/** Takes jobs from acceptance to their one end. Unknown ids throw NotFoundError. */
export interface JobService {
  /** Ends, as lost, the jobs that an earlier manager left open. Called once, before the first submit. */
  adopt(): Promise<void>;
  /** Accepts a job; it is stored when this resolves. @throws ConfigError, or ConflictError while closing. */
  submit(spec: JobSpec): Promise<Job>;
  job(id: JobId): Promise<Job>;
  /** Jobs that have not ended, oldest first; with `all` the ended ones too, newest first, at most 1,000. */
  jobs(all: boolean): Promise<readonly Job[]>;
  /** Answers when the job has ended or `waitMs` has passed. */
  await(id: JobId, waitMs: number, signal: AbortSignal): Promise<Job>;
  /** Asks the job to end; with `force` nothing is waited for. Ended already is success. */
  cancel(id: JobId, force: boolean): Promise<Job>;
  log(id: JobId, offset: number, follow: boolean, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Cancels all jobs and waits, bounded, for their ends. @param force hurries: nothing is waited for any more. */
  close(force?: AbortSignal): Promise<void>;
}

interface ActiveJob {
  readonly record: JobRecord;
  readonly cancel: AbortController;
  readonly force: AbortController;
  readonly ended: Promise<void>;
}

export function createJobService(deps: JobServiceDeps): JobService {
  const active = new Map<JobId, ActiveJob>();
  const accepting = new Set<Promise<Job>>();
  let isClosing = false;

  const job = async (id: JobId): Promise<Job> => {
    const found = active.get(id)?.record.job ?? (await deps.store.job(id));
    if (found === undefined) {
      throw new NotFoundError("unknown-job", `there is no job ${id}`);
    }
    return found;
  };

  const accept = async (spec: JobSpec, timeoutMs: number): Promise<Job> => {
    const accepted = acceptedJob(jobIdFrom(deps.random.id("job")), spec, deps);
    const { id, poolName, createdAt: at } = accepted;
    // The log is there before the job is, so that a reader may follow it at once.
    const log = await deps.logs.create(id);
    await deps.store.commit([
      { kind: "job", job: accepted, spec },
      { kind: "event", event: { at, jobId: id, poolName, what: "job accepted", detail: spec.name } },
    ]);
    const record = new JobRecord(accepted, deps);
    const cancel = new AbortController();
    const force = new AbortController();
    const life = { spec, record, log, timeoutMs, cancel: cancel.signal, force: force.signal };
    const ended = liveJob(life, deps).then(() => {
      active.delete(id);
    });
    active.set(id, { record, cancel, force, ended });
    return accepted;
  };

  return {
    job,

    async adopt() {
      for (const left of await deps.store.openJobs()) {
        const message = "the manager was restarted before the job had ended";
        const result = left.state === "running" ? "machine-lost" : "system-failure";
        await new JobRecord(left, deps).end({ result, message });
      }
    },

    async submit(spec) {
      validateJobSpec(spec);
      const poolTimeoutMs = deps.jobTimeoutMs(spec.poolName);
      if (poolTimeoutMs === undefined) {
        throw new ConfigError([{ place: "pool", message: `expected the name of a pool, got "${spec.poolName}"` }]);
      }
      if (isClosing) {
        throw new ConflictError("shutting-down", "the manager is shutting down and takes no more jobs");
      }
      const accepted = accept(spec, Math.min(spec.timeoutMs ?? poolTimeoutMs, poolTimeoutMs));
      accepting.add(accepted);
      return accepted.finally(() => accepting.delete(accepted));
    },

    async jobs(all) {
      return all ? deps.store.recentJobs(RECENT_LIMIT) : deps.store.openJobs();
    },

    async await(id, waitMs, signal) {
      const running = active.get(id);
      if (running !== undefined) {
        await orAborted(within(deps.clock, waitMs, running.ended), signal);
      }
      return job(id);
    },

    async cancel(id, force) {
      const running = active.get(id);
      if (running !== undefined) {
        cancelJob(running, force);
      }
      return job(id);
    },

    log: (id, offset, follow, signal) => deps.logs.read(id, offset, follow, signal),

    async close(force = new AbortController().signal) {
      isClosing = true;
      await Promise.allSettled(accepting);
      const running = [...active.values()];
      const ended = Promise.all(running.map((one) => one.ended));
      for (const one of running) {
        cancelJob(one, force.aborted);
      }
      using forced = whenAborted(force);
      await within(deps.clock, CLOSE_TIMEOUT_MS, Promise.race([ended, forced]));
      for (const one of running) {
        cancelJob(one, true);
      }
      await within(deps.clock, FORCED_CLOSE_TIMEOUT_MS, ended);
    },
  };
}

function cancelJob({ record, cancel, force }: ActiveJob, isForced: boolean): void {
  if (!cancel.signal.aborted) {
    record.happened("job cancelled", isForced ? "asked to end at once" : "asked to end");
    cancel.abort(new Error("the job was cancelled"));
  }
  if (isForced) {
    force.abort(new Error("the job was cancelled by force"));
  }
}

function acceptedJob(id: JobId, spec: JobSpec, { clock }: JobServiceDeps): Job {
  const { name, poolName, holder } = spec;
  return { id, name, poolName, holder, createdAt: clock.now(), phasesMs: {}, state: "waiting" };
}
