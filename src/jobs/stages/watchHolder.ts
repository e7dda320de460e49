import type { Clock } from "../../ports/clock.ts";
import { durationText } from "../durations.ts";
import { HolderGoneError } from "../ends.ts";
import type { StageDesk } from "./desk.ts";

/** Waits until the holder of a staged job has been silent for its time to live, and has the job ended. Never rejects. */
export async function watchHolder(
  desk: StageDesk,
  ttlMs: number,
  clock: Clock,
  lapse: (why: HolderGoneError) => void,
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted) {
    const leftMs = ttlMs - desk.silentMs;
    if (leftMs <= 0) {
      lapse(new HolderGoneError("holder-gone", `its holder gave no sign of life for ${durationText(ttlMs)}`));
      return;
    }
    await clock.sleep(leftMs, over).catch(() => undefined);
  }
}
