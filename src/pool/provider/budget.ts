import type { Clock } from "../../ports/clock.ts";
import type { CallBudget } from "../../ports/driver.ts";

/** Admits calls of one provider at the rate that it takes. */
export interface Budget {
  /**
   * Resolves when the next call may go out.
   * @param isUrgent takes its turn ahead: what ends machines, or tells of them, never waits behind launches.
   * @throws the signal's reason.
   */
  take(isUrgent: boolean, signal: AbortSignal): Promise<void>;
}

/**
 * Creates a token bucket, without limits when there is no budget.
 * @param isEmptied starts with a single token: an earlier run of the manager may have spent the rest a moment ago.
 */
export function createBudget(budget: CallBudget | undefined, clock: Clock, isEmptied: boolean): Budget {
  if (budget === undefined) return { take: async (_isUrgent, signal) => signal.throwIfAborted() };
  const intervalMs = 1000 / budget.perSecond;
  const slackMs = (budget.burst - 1) * intervalMs;
  // The instant at which the bucket is full again, as in the generic cell rate algorithm.
  let fullAt = isEmptied ? clock.monotonic() + slackMs : clock.monotonic();

  const waitMs = (): number => Math.max(0, fullAt - slackMs - clock.monotonic());
  const spend = (): void => {
    fullAt = Math.max(fullAt, clock.monotonic()) + intervalMs;
  };

  return {
    async take(isUrgent, signal) {
      signal.throwIfAborted();
      if (!isUrgent) {
        for (let ms = waitMs(); ms > 0; ms = waitMs()) await clock.sleep(Math.ceil(ms), signal);
        return spend();
      }
      const ms = waitMs();
      spend();
      if (ms === 0) return;
      try {
        await clock.sleep(Math.ceil(ms), signal);
      } catch (error) {
        fullAt -= intervalMs;
        throw error;
      }
    },
  };
}
