import type { LeaseId, MachineId } from "../domain/ids.ts";
import type { Job, JobEnd, PhasesMs } from "../domain/job.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { Store } from "../ports/store.ts";

export interface JobRecordDeps {
  readonly store: Pick<Store, "commit">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The stored record of one job that has not ended, and the only writer of it. Changes are stored in order. */
export class JobRecord {
  readonly #deps: JobRecordDeps;
  #job: Job;
  #last: Promise<void> = Promise.resolve();

  constructor(job: Job, deps: JobRecordDeps) {
    this.#job = job;
    this.#deps = deps;
  }

  get job(): Job {
    return this.#job;
  }

  lease(leaseId: LeaseId): Promise<void> {
    return this.#store({ ...this.#job, leaseId }, "job queued", `waits under lease ${leaseId}`);
  }

  run(machineId: MachineId): Promise<void> {
    const { clock } = this.#deps;
    const job = { ...this.#job, state: "running", machineId, startedAt: clock.now() } as const;
    return this.#store(job, "job started", `runs on ${machineId}`);
  }

  /** Keeps a measured part of the job. A note: when it cannot be stored, the job goes on. */
  measured(phasesMs: PhasesMs, detail: string): void {
    this.#note({ ...this.#job, phasesMs: { ...this.#job.phasesMs, ...phasesMs } }, "job part ended", detail);
  }

  /** Keeps a sentence for the reader who asks why. */
  happened(what: string, detail: string): void {
    this.#note(this.#job, what, detail);
  }

  /** The one end. */
  async end(end: JobEnd): Promise<void> {
    const detail = "message" in end ? `${end.result}: ${end.message}` : end.result;
    await this.#store({ ...this.#job, state: "ended", endedAt: this.#deps.clock.now(), end }, "job ended", detail);
  }

  #note(job: Job, what: string, detail: string): void {
    this.#store(job, what, detail).catch((error: unknown) => {
      this.#deps.logger.warn({ err: error, jobId: job.id, what }, "could not store a note on a job");
    });
  }

  #store(job: Job, what: string, detail: string): Promise<void> {
    const { store, clock } = this.#deps;
    this.#job = job;
    const event = {
      at: clock.now(),
      jobId: job.id,
      leaseId: job.leaseId,
      machineId: job.machineId,
      poolName: job.poolName,
      what,
      detail,
    };
    const next = this.#last.then(() =>
      store.commit([
        { kind: "job", job },
        { kind: "event", event },
      ]),
    );
    this.#last = next.catch(() => undefined);
    return next;
  }
}
