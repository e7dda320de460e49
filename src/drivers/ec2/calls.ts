import pRetry from "p-retry";
import { CapacityError, ConfigError, NoEffectError, RefusedError, TransientError } from "../../domain/errors.ts";
import { createBuckets } from "./buckets.ts";
import type { Ec2Action, Ec2Actions, Ec2Client } from "./client.ts";
import { errorFrom, ThrottleError } from "./errors.ts";
import type { Ec2Deps } from "./options.ts";

/** Pause before a call is made again; doubles up to the bound, less a random part. */
const PAUSE_MS = 500;
const PAUSE_MAX_MS = 20_000;
const RETRIES = 12;
/**
 * For so long what EC2 does not answer is asked again, a throttled call apart: callers have deadlines of 30 s for a list and of
 * two minutes for a launch, and they are to hear what went wrong, not that time was up.
 */
const PATIENCE_MS = 20_000;
const LAUNCH_PATIENCE_MS = 60_000;

/**
 * Makes one call of EC2 within the account's rate, again while it may pass by itself. Every call here is safe to make again: it
 * reads, bears a token, or asks for a state that an instance may be in already. @throws our errors; the signal's reason.
 */
export type CallEc2 = <A extends Ec2Action>(
  action: A,
  input: Ec2Actions[A]["input"],
  signal: AbortSignal,
) => Promise<Ec2Actions[A]["output"]>;

/** Creates the way to call one site. */
export function createCalls(client: Ec2Client, { clock, random, logger }: Ec2Deps): CallEc2 {
  const bucketOf = createBuckets(clock);
  return async (action, input, signal) => {
    const bucket = bucketOf(action);
    const givenUpAt = clock.monotonic() + (action === "CreateFleet" ? LAUNCH_PATIENCE_MS : PATIENCE_MS);
    let isUnclear = false;
    let isGivenUp = false;
    const attempt = async () => {
      await bucket.take(signal);
      try {
        return await client.send(action, input, signal);
      } catch (error) {
        signal.throwIfAborted();
        throw errorFrom(error, action);
      }
    };
    const answered = pRetry(attempt, {
      retries: RETRIES,
      minTimeout: 0,
      signal,
      shouldRetry: ({ error }) => error instanceof TransientError && !isGivenUp,
      // p-retry counts and stops; the pauses are our clock's.
      async onFailedAttempt({ error, attemptNumber, retriesLeft }) {
        if (error instanceof ThrottleError) bucket.drain();
        else if (error instanceof TransientError && !(error instanceof NoEffectError)) isUnclear = true;
        if (!(error instanceof TransientError) || retriesLeft === 0) return;
        const boundMs = Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** (attemptNumber - 1));
        const pauseMs = Math.round(boundMs * (0.5 + random.fraction() / 2));
        isGivenUp = !(error instanceof ThrottleError) && clock.monotonic() + pauseMs > givenUpAt;
        if (isGivenUp) return;
        logger.debug({ action, attemptNumber, pauseMs, problem: error.message }, "calling EC2 again");
        await clock.sleep(pauseMs, signal);
      },
    });
    try {
      return await answered;
    } catch (error) {
      // An attempt without an answer may have launched something, or may yet: credentials, say, can go wrong before it is repeated.
      const isRefused = [ConfigError, RefusedError, NoEffectError, CapacityError].some((kind) => error instanceof kind);
      if (!isRefused || !isUnclear || action !== "CreateFleet") throw error;
      throw new TransientError("outcome-unknown", (error as Error).message, { cause: error });
    }
  };
}
