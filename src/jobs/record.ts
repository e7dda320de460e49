import { ConflictError, MayflyError } from "../domain/errors.ts";
import type { LeaseId, MachineId } from "../domain/ids.ts";
import type { Job, JobEnd, PhasesMs } from "../domain/job.ts";
import type { JobProgress } from "../domain/jobProgress.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { Change, Store } from "../ports/store.ts";
import { whenThereIsRoom } from "./room.ts";

/** Pause before the end of a job is stored again that could not be, in milliseconds. */
const END_RETRY_MS = 2_000;

export interface JobRecordDeps {
  readonly store: Pick<Store, "commit">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The stored record of one job that has not ended, and the only writer of it. Changes are stored in order; what must be
 * stored waits for room on a full disk, or for its signal; a note is dropped.
 */
export class JobRecord {
  readonly #deps: JobRecordDeps;
  #job: Job;
  #isEnding = false;
  #last: Promise<void> = Promise.resolve();
  /** What happened and need not be stored by itself: the next write takes it along, and spares a wait for the disk. */
  #carried: readonly Change[] = [];

  constructor(job: Job, deps: JobRecordDeps) {
    this.#job = job;
    this.#deps = deps;
  }

  get job(): Job {
    return this.#job;
  }

  lease(leaseId: LeaseId, signal: AbortSignal): Promise<void> {
    return this.#must({ ...this.#job, leaseId }, "job queued", `waits under lease ${leaseId}`, signal);
  }

  /**
   * Keeps, with the next write, the lease under which a job has got a machine at once. A manager that dies before leaves a lease
   * that lapses, and its machine with it: no job has touched it.
   */
  leased(leaseId: LeaseId): void {
    this.#carry({ ...this.#job, leaseId }, "job queued", `has its machine under lease ${leaseId}`);
  }

  run(machineId: MachineId, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const job = { ...this.#job, state: "running", machineId, startedAt: clock.now() } as const;
    return this.#must(job, "job started", `runs on ${machineId}`, signal);
  }

  /** Sends the job back into the queue: it has touched nothing but the machine that it gave back. */
  requeue(detail: string, signal: AbortSignal): Promise<void> {
    const { id, name, poolName, holder, createdAt, phasesMs, requestDigest, cancelledBy } = this.#job;
    const job: Job = { id, name, poolName, holder, createdAt, phasesMs, requestDigest, cancelledBy, state: "waiting" };
    return this.#must(job, "job queued again", detail, signal);
  }

  /** Keeps how far a running job is. */
  keep(progress: JobProgress, signal: AbortSignal): Promise<void> {
    return this.#inOrder(() =>
      whenThereIsRoom(this.#deps.clock, signal, () => this.#commit([{ kind: "job", job: this.#job, progress }])),
    );
  }

  /** Keeps that the job was asked to end, and by whom. Resolves, never rejects, when that is stored or cannot be. */
  cancelled(cancelledBy: NonNullable<Job["cancelledBy"]>, detail: string): Promise<void> {
    return this.#note({ ...this.#job, cancelledBy }, "job cancelled", detail);
  }

  /** Keeps a measured part of the job, with the next write: that of the part behind it, or of the end. */
  measured(phasesMs: PhasesMs, detail: string): void {
    this.#carry({ ...this.#job, phasesMs: { ...this.#job.phasesMs, ...phasesMs } }, "job part ended", detail);
  }

  /** Keeps a sentence for the reader who asks why. */
  happened(what: string, detail: string): void {
    void this.#note(this.#job, what, detail);
  }

  /** The one end. Nobody is told of it before it is stored, and it is tried until it is. @throws the signal's reason, or what a store says that is closed. */
  async end(end: JobEnd, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#deps;
    const detail = "message" in end ? `${end.result}: ${end.message}` : end.result;
    this.#isEnding = true;
    await this.#inOrder(async () => {
      const job: Job = { ...this.#job, state: "ended", endedAt: clock.now(), end };
      for (;;) {
        try {
          signal.throwIfAborted();
          await this.#commit([{ kind: "job", job }, this.#event("job ended", detail)]);
          this.#job = job;
          return;
        } catch (error) {
          if (signal.aborted || isFinal(error)) {
            throw error;
          }
          logger.error({ err: error, jobId: job.id }, "could not store the end of a job, will try again");
        }
        await clock.sleep(END_RETRY_MS, signal);
      }
    });
  }

  async #note(job: Job, what: string, detail: string): Promise<void> {
    if (this.#isEnding) {
      return;
    }
    this.#job = job;
    const event = this.#event(what, detail);
    await this.#inOrder(() => this.#commit([{ kind: "job", job }, event])).catch((error: unknown) => {
      this.#deps.logger.warn({ err: error, jobId: job.id, what }, "could not store a note on a job");
    });
  }

  #carry(job: Job, what: string, detail: string): void {
    if (this.#isEnding) {
      return;
    }
    this.#job = job;
    this.#carried = [...this.#carried, this.#event(what, detail)];
  }

  #must(job: Job, what: string, detail: string, signal: AbortSignal): Promise<void> {
    this.#job = job;
    const event = this.#event(what, detail);
    return this.#inOrder(() =>
      whenThereIsRoom(this.#deps.clock, signal, () => this.#commit([{ kind: "job", job }, event])),
    );
  }

  #inOrder(write: () => Promise<void>): Promise<void> {
    const next = this.#last.then(write);
    this.#last = next.catch(() => undefined);
    return next;
  }

  async #commit(changes: readonly Change[]): Promise<void> {
    const carried = this.#carried;
    this.#carried = [];
    try {
      await this.#deps.store.commit([...carried, ...changes]);
    } catch (error) {
      this.#carried = [...carried, ...this.#carried];
      throw error;
    }
  }

  #event(what: string, detail: string): Change {
    const { id: jobId, leaseId, machineId, poolName } = this.#job;
    return { kind: "event", event: { at: this.#deps.clock.now(), jobId, leaseId, machineId, poolName, what, detail } };
  }
}

/** No further try can store it: the store is closed, or holds another end. */
const isFinal = (error: unknown): boolean =>
  error instanceof ConflictError || (error instanceof MayflyError && error.code === "store-closed");
