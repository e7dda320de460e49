import { ConflictError } from "../../domain/errors.ts";
import type { JobEnd } from "../../domain/job.ts";
import type { JobProgress, StageProgress } from "../../domain/jobProgress.ts";
import type { StageEnd, StageRequest, StageView } from "../../domain/stage.ts";
import type { Clock } from "../../ports/clock.ts";
import { orAborted, within } from "../waits.ts";

/** A stage that is to be run, as the run of its job takes it. */
export interface StageOrder extends StageRequest {
  readonly number: number;
  readonly key?: string | undefined;
  /** Aborts when its holder asks for its end, or for the next one. */
  readonly stop: AbortSignal;
}

/** Where the output of a stage stands in its job's log, in bytes. */
export interface StageSpan {
  readonly from: number;
  /** Resolves with the end of it once the stage has ended; undefined when that is wherever the log ends. */
  readonly to: Promise<number | undefined>;
}

interface Slot {
  readonly name: string;
  readonly key?: string | undefined;
  readonly stop: AbortController;
  /** Resolves with the log's size when its script starts; undefined when it never does. */
  readonly started: PromiseWithResolvers<number | undefined>;
  readonly ended: PromiseWithResolvers<number | undefined>;
  end?: StageEnd | undefined;
}

/**
 * Where the holder of a staged job and the run of it meet: the holder asks for one stage after the other, the run takes them.
 *
 * INVARIANTS
 * - At most one stage runs; who asks for the next has the one before stopped first.
 * - A stage that is asked for twice under one key is run once.
 * - Every stage comes to one end, with its job at the latest.
 */
export class StageDesk {
  readonly #clock: Clock;
  readonly #slots: Slot[] = [preparation()];
  readonly #finished = new AbortController();
  #pending: StageOrder | undefined;
  #wake: (() => void) | undefined;
  #closedBy: JobEnd | undefined;
  #openQuestions = 0;
  #seenAt: number;

  /** @param progress how far an earlier manager came with the job. */
  constructor(clock: Clock, progress: JobProgress | undefined) {
    this.#clock = clock;
    this.#seenAt = clock.monotonic();
    if (progress?.phase !== "stages") return;
    this.ready(progress.readyLogBytes);
    if (progress.stage !== undefined) this.#restore(progress.stage);
  }

  /** Aborts once the holder is done with the job. */
  get finished(): AbortSignal {
    return this.#finished.signal;
  }

  /** For how long the holder has given no sign of life, in milliseconds. */
  get silentMs(): number {
    return this.#openQuestions > 0 ? 0 : this.#clock.monotonic() - this.#seenAt;
  }

  /** Takes a question of the holder's for a sign of life, for as long as it is open. */
  async attend<T>(question: () => T | Promise<T>): Promise<T> {
    this.#openQuestions += 1;
    try {
      return await question();
    } finally {
      this.#openQuestions -= 1;
      this.#seenAt = this.#clock.monotonic();
    }
  }

  /** Asks for the next stage. @throws ConflictError when the job takes none any more. */
  start(request: StageRequest, key: string | undefined): StageView {
    const number = this.#slots.length;
    const last = this.#slots[number - 1];
    if (key !== undefined && last?.key === key) return this.view(number - 1);
    if (this.#closedBy !== undefined || this.#finished.signal.aborted) {
      throw new ConflictError("job-ended", "the job takes no more stages: it has ended, or is about to");
    }
    last?.stop.abort(new Error("the next stage was asked for"));
    // The one before was asked for, and not taken yet.
    if (this.#pending !== undefined) this.ended(this.#pending.number, { result: "stopped" }, undefined);
    const slot = slotOf(request.name, key);
    this.#slots.push(slot);
    this.#pending = { ...request, number, key, stop: slot.stop.signal };
    this.#wake?.();
    return this.view(number);
  }

  /** Asks for the end of a stage; it still comes to it by itself. */
  stop(number: number): StageView {
    if (number > 0) this.#slots[number]?.stop.abort(new Error("the stage was to end"));
    if (this.#pending?.number === number) {
      this.#pending = undefined;
      this.ended(number, { result: "stopped" }, undefined);
    }
    return this.view(number);
  }

  /** The holder is done. */
  finish(): void {
    this.#finished.abort(new Error("the job's holder is done"));
  }

  /** Answers when the stage has ended, or after `waitMs`. */
  async await(number: number, waitMs: number, signal: AbortSignal): Promise<StageView> {
    const slot = this.#slots[number];
    if (slot !== undefined) await orAborted(within(this.#clock, waitMs, slot.ended.promise), signal);
    return this.view(number);
  }

  /** Waits until a stage has output; undefined when it never has. */
  async span(number: number, signal: AbortSignal): Promise<StageSpan | undefined> {
    const slot = this.#slots[number];
    if (slot === undefined) return undefined;
    const from = await orAborted(slot.started.promise, signal);
    return from === undefined ? undefined : { from, to: slot.ended.promise };
  }

  /** Whether the preparation is over. */
  get isReady(): boolean {
    return this.#slots[0]?.end !== undefined;
  }

  view(number: number): StageView {
    const slot = this.#slots[number];
    // Whoever asks whether the job is ready is not to go on with one that is about to end.
    if (number === 0 && this.#finished.signal.aborted) return { number, name: "prepare", end: FINISHED };
    if (slot === undefined) return { number, name: "", end: { result: "never-begun" } };
    return { number, name: slot.name, ...(slot.end === undefined ? {} : { end: slot.end }) };
  }

  /** The run's side: the preparation is over. */
  ready(logBytes: number): void {
    this.ended(0, { result: "exited", exitCode: 0 }, logBytes);
  }

  /** The run's side: waits for the next stage. @throws the signal's reason. */
  async next(signal: AbortSignal): Promise<StageOrder> {
    for (;;) {
      const order = this.#pending;
      this.#pending = undefined;
      if (order !== undefined) return order;
      const asked = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await orAborted(asked, signal);
    }
  }

  /** The run's side: the output of a stage begins there. */
  began(number: number, logBytes: number): void {
    this.#slots[number]?.started.resolve(logBytes);
  }

  /** The run's side: a stage has ended. */
  ended(number: number, end: StageEnd, logBytes: number | undefined): void {
    const slot = this.#slots[number];
    if (slot === undefined || slot.end !== undefined) return;
    slot.end = end;
    slot.started.resolve(undefined);
    slot.ended.resolve(logBytes);
  }

  /** The job has ended, and every stage with it. */
  close(end: JobEnd): void {
    this.#closedBy = end;
    for (const number of this.#slots.keys()) this.ended(number, { result: "job-ended", end }, undefined);
  }

  #restore(stage: StageProgress): void {
    while (this.#slots.length < stage.number) {
      this.#slots.push(slotOf(""));
      this.ended(this.#slots.length - 1, { result: "stopped" }, undefined);
    }
    this.#slots.push(slotOf(stage.name, stage.key));
    this.began(stage.number, stage.script.logBytes);
    if (stage.ended !== undefined) this.ended(stage.number, stage.ended.end, stage.ended.logBytes);
  }

  /** The word of a holder to a stage that an earlier manager began. */
  stopOf(number: number): AbortSignal {
    return (this.#slots[number] ?? slotOf("")).stop.signal;
  }
}

const FINISHED: StageEnd = {
  result: "job-ended",
  end: { result: "cancelled", message: "its holder is done with it" },
};

const slotOf = (name: string, key?: string): Slot => ({
  ...{ name, key, stop: new AbortController() },
  ...{ started: Promise.withResolvers(), ended: Promise.withResolvers() },
});

/** What is said while a job waits and is being prepared stands at the beginning of its log. */
function preparation(): Slot {
  const slot = slotOf("prepare");
  slot.started.resolve(0);
  return slot;
}
