import type { EpochMs } from "../domain/ids.ts";

/** Time, as everything outside its one adapter sees it. */
export interface Clock {
  now(): EpochMs;
  /** Resolves after `ms`. @throws the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
