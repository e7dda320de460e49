import { SystemError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import { orAborted } from "./waits.ts";

/** Pause between two tries to write to a full disk, in milliseconds. */
const PAUSE_MS = 1_000;

/** Tells whether a write failed for want of room, which whoever watches the disk will make. */
export const isDiskFull = (error: unknown): boolean => error instanceof SystemError && error.code === "disk-full";

/** Writes something, again and again while the disk is full. @throws whatever else fails; the signal's reason when it aborts. */
export async function whenThereIsRoom<T>(clock: Clock, signal: AbortSignal, write: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await orAborted(write(), signal);
    } catch (error) {
      if (!isDiskFull(error)) {
        throw error;
      }
    }
    await clock.sleep(PAUSE_MS, signal);
  }
}
