import { ConfigError, ConflictError, NotFoundError } from "../domain/errors.ts";
import type { JobId } from "../domain/ids.ts";
import { jobIdFrom } from "../domain/ids.ts";
import type { Job, JobSpec } from "../domain/job.ts";
import type { StageRequest, StageView } from "../domain/stage.ts";
import { checkSameRequest, keyedRequestFrom } from "../domain/requestKey.ts";
import type { KeyedRequest } from "../domain/requestKey.ts";
import type { JobLogs } from "../ports/files.ts";
import type { Store } from "../ports/store.ts";
import { cancelJob, handedOver, startJob, turnAwayJob } from "./active.ts";
import type { ActiveJob, ActiveJobDeps, StartedJob } from "./active.ts";
import { adoptJobs } from "./adopt.ts";
import { JobRecord } from "./record.ts";
import { createStages } from "./stages/stages.ts";
import { validateJobSpec } from "./validate.ts";
import { orAborted, whenAborted, within } from "./waits.ts";

/** How many ended jobs a list shows at the most. */
const RECENT_LIMIT = 1_000;
/** How long closing lets cancelled jobs end by themselves: the stop's grace, after_script, the machine's end. */
const CLOSE_TIMEOUT_MS = 8 * 60_000;
/** How long who cancels a job waits, while the disk is full, for that to be stored; the job ends in any case. */
const CANCEL_STORED_TIMEOUT_MS = 5_000;
/** How long closing waits for jobs that were forced. */
const FORCED_CLOSE_TIMEOUT_MS = 10_000;

export interface JobServiceDeps extends ActiveJobDeps {
  readonly store: Store;
  readonly logs: JobLogs;
}

/** Takes jobs from acceptance to their one end. Unknown ids throw NotFoundError. */
export interface JobService {
  /**
   * Takes over the jobs that an earlier manager left open. Called once, after the fleet was adopted and before the first submit.
   * @param resume goes on with them: those that waited wait on, scripts that had begun are followed to their ends, and what
   * had not begun is queued again. Without it they are ended, as lost.
   */
  adopt(resume: boolean): Promise<void>;
  /**
   * Accepts a job; it is stored when this resolves. @throws ConfigError, or ConflictError while stopping.
   * @param key of a submit that may be sent again: it answers the job of the first time, wherever that is by now.
   * @throws ConflictError `request-key-reused` when that was of another spec.
   */
  submit(spec: JobSpec, key?: string): Promise<Job>;
  job(id: JobId): Promise<Job>;
  /** Jobs that have not ended, oldest first; with `all` the ended ones too, newest first, at most 1,000. */
  jobs(all: boolean): Promise<readonly Job[]>;
  /** Answers when the job has ended or `waitMs` has passed. */
  await(id: JobId, waitMs: number, signal: AbortSignal): Promise<Job>;
  /** Asks the job to end, which the next manager knows of too; with `force` nothing is waited for. Ended already is success. */
  cancel(id: JobId, force: boolean): Promise<Job>;
  log(id: JobId, offset: number, follow: boolean, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * Asks for the next stage of a staged job, as in ports/manager.ts.
   * @param key of a question that may be sent again.
   */
  startStage(id: JobId, request: StageRequest, key: string | undefined): Promise<StageView>;
  awaitStage(id: JobId, number: number, waitMs: number, signal: AbortSignal): Promise<StageView>;
  stopStage(id: JobId, number: number): Promise<StageView>;
  stageLog(id: JobId, number: number, offset: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
  finish(id: JobId): Promise<Job>;
  /**
   * Takes no more jobs, ends those that wait for a machine, and resolves when those that run have ended.
   * @throws the signal's reason when it aborts first; the jobs go on.
   */
  drain(signal: AbortSignal): Promise<void>;
  /**
   * Cancels all jobs, which end as safe to run again, and waits, bounded, for their ends.
   * @param force hurries: nothing is waited for any more.
   */
  close(force?: AbortSignal): Promise<void>;
  /** Lets go of all jobs and leaves them as they are, for the next manager to go on with. */
  handOver(): Promise<void>;
}

export function createJobService(deps: JobServiceDeps): JobService {
  const active = new Map<JobId, ActiveJob>();
  const accepting = new Map<JobId, Promise<Job>>();
  const handingOver = new AbortController();
  let isStopping = false;

  const job = async (id: JobId): Promise<Job> => {
    const found = active.get(id)?.record.job ?? (await deps.store.job(id));
    if (found === undefined) {
      throw new NotFoundError("unknown-job", `there is no job ${id}`);
    }
    return found;
  };

  const start = (record: JobRecord, rest: StartedJob): void => {
    const { id } = record.job;
    const one = startJob(record, rest, handingOver.signal, deps);
    active.set(id, one);
    void one.ended.then(() => active.delete(id));
    // Accepted while the manager began to stop.
    if (isStopping) {
      turnAwayJob(one);
    }
  };

  const accept = async (accepted: Job, spec: JobSpec): Promise<Job> => {
    const { id, poolName, createdAt: at } = accepted;
    // The log is there before the job is, so that a reader may follow it at once.
    const log = await deps.logs.create(id);
    try {
      await deps.store.commit([
        { kind: "job", job: accepted, spec },
        { kind: "event", event: { at, jobId: id, poolName, what: "job accepted", detail: spec.name } },
      ]);
    } catch (error) {
      await log.close().catch(() => undefined);
      throw error;
    }
    start(new JobRecord(accepted, deps), { spec, log, isResumed: false });
    return accepted;
  };

  const cancel = async (id: JobId, force: boolean): Promise<Job> => {
    const running = active.get(id);
    if (running !== undefined) {
      await within(deps.clock, CANCEL_STORED_TIMEOUT_MS, cancelJob(running, force, "owner"));
    }
    return job(id);
  };

  return {
    job,
    cancel,
    ...createStages(
      deps.logs,
      (id) => active.get(id)?.desk,
      job,
      (id) => cancel(id, false),
    ),

    async adopt(resume) {
      const open = await adoptJobs(resume, deps);
      for (const { record, ...rest } of open) {
        start(record, { ...rest, isResumed: true });
      }
    },

    async submit(spec, key) {
      validateJobSpec(spec);
      const keyed = key === undefined ? undefined : keyedRequestFrom("job", key, spec);
      if (keyed !== undefined) {
        const id = jobIdFrom(keyed.id);
        const stored = await deps.store.job(id);
        // From here to its entry among those that are accepted nothing is waited for: no other submit comes between.
        const before = active.get(id)?.record.job ?? stored ?? accepting.get(id);
        if (before !== undefined) {
          const known = await before;
          checkSameRequest(known.requestDigest, keyed);
          return known;
        }
      }
      if (deps.jobTimeoutMs(spec.poolName) === undefined) {
        throw new ConfigError([{ place: "pool", message: `expected the name of a pool, got "${spec.poolName}"` }]);
      }
      if (isStopping) {
        throw new ConflictError("manager-stopping", "the manager is stopping and takes no more jobs");
      }
      const job = acceptedJob(spec, keyed, deps);
      const accepted = accept(job, spec);
      accepting.set(job.id, accepted);
      return accepted.finally(() => accepting.delete(job.id));
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

    log: (id, offset, follow, signal) => deps.logs.read(id, offset, follow, signal),

    async drain(signal) {
      isStopping = true;
      await Promise.allSettled(accepting.values());
      for (const one of active.values()) {
        turnAwayJob(one);
      }
      await orAborted(Promise.all([...active.values()].map((one) => one.ended)), signal);
    },

    async close(force = new AbortController().signal) {
      isStopping = true;
      await Promise.allSettled(accepting.values());
      const running = [...active.values()];
      const ended = Promise.all(running.map((one) => one.ended));
      for (const one of running) {
        void cancelJob(one, force.aborted, "manager");
      }
      using forced = whenAborted(force);
      await within(deps.clock, CLOSE_TIMEOUT_MS, Promise.race([ended, forced]));
      for (const one of running) {
        void cancelJob(one, true, "manager");
      }
      await within(deps.clock, FORCED_CLOSE_TIMEOUT_MS, ended);
    },

    async handOver() {
      isStopping = true;
      await Promise.allSettled(accepting.values());
      handingOver.abort(handedOver());
      const ended = Promise.all([...active.values()].map((one) => one.ended));
      await within(deps.clock, FORCED_CLOSE_TIMEOUT_MS, ended);
    },
  };
}

function acceptedJob(spec: JobSpec, keyed: KeyedRequest | undefined, { clock, random }: JobServiceDeps): Job {
  const { name, poolName, holder } = spec;
  const id = jobIdFrom(keyed?.id ?? random.id("job"));
  const digest = keyed === undefined ? {} : { requestDigest: keyed.digest };
  return { id, name, poolName, holder, createdAt: clock.now(), phasesMs: {}, ...digest, state: "waiting" };
}
