import type { EpochMs } from "../domain/ids.ts";

/** Time, as everything outside its one adapter sees it. */
export interface Clock {
  /** The wall clock: for stamps. It may jump, as hosts' clocks do. */
  now(): EpochMs;
  /** Milliseconds since some start of this process, never stepping back or ahead: for measuring what passed. */
  monotonic(): number;
  /** Resolves after `ms`. @throws the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Runs `run`, which must not throw, after `ms`, unless it is called off first. Answers how to call it off, which may come late. */
  schedule(ms: number, run: () => void): () => void;
}
