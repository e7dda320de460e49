import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";

/** Keeps a site off the spot market while that takes back what it gave. */
export interface Breaker {
  /** Whether spot machines are to be had no more for now. */
  isOpen(): boolean;
  /** Tells that there are spot instances. */
  noteSpot(): void;
  /** Whether the spot market may have taken something back lately. */
  isWatching(): boolean;
  /** One instance was taken back. Told again of the same one is no news. */
  noteInterruption(instanceId: string): void;
}

/** So many interruptions within so long keep a site on-demand for so long. RunsOn's figures. */
const INTERRUPTIONS = 2;
const WITHIN_MS = 15 * 60_000;
const OPEN_MS = 30 * 60_000;

/** Creates a closed breaker. */
export function createBreaker({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }): Breaker {
  const seenAt = new Map<string, number>();
  let openUntil = -Infinity;
  let watchedUntil = -Infinity;
  return {
    noteSpot() {
      watchedUntil = clock.monotonic() + WITHIN_MS;
    },
    isWatching: () => clock.monotonic() < watchedUntil,
    isOpen: () => clock.monotonic() < openUntil,
    noteInterruption(instanceId) {
      if (seenAt.has(instanceId)) return;
      const now = clock.monotonic();
      seenAt.set(instanceId, now);
      // EC2 shows what has ended for about an hour: for so long it is not to count anew.
      for (const [id, at] of seenAt) if (now - at > 2 * 3_600_000) seenAt.delete(id);
      const recent = [...seenAt.values()].filter((at) => now - at < WITHIN_MS).length;
      if (recent < INTERRUPTIONS) return;
      const wasOpen = now < openUntil;
      // The market goes on taking back what it gave before: the time begins anew.
      openUntil = now + OPEN_MS;
      if (wasOpen) return;
      const minutes = OPEN_MS / 60_000;
      logger.warn({ recent, minutes }, "spot machines were taken back, launching on-demand ones for a while");
    },
  };
}
