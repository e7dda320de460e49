import pRetry from "p-retry";
import { TransientError } from "../../domain/errors.ts";
import { createBuckets } from "./buckets.ts";
import type { Ec2Action, Ec2Actions, Ec2Client } from "./client.ts";
import { errorFrom, ThrottleError } from "./errors.ts";
import type { Ec2Deps } from "./options.ts";

/** Pause before a call is made again; doubles up to the bound, less a random part. */
const PAUSE_MS = 500;
const PAUSE_MAX_MS = 20_000;
/** The caller's deadline ends a call first, unless clocks are pretended. */
const RETRIES = 12;

/**
 * Makes one call of EC2 within the account's rate, again while it may pass by itself. Every call here is safe to make again: it
 * reads, bears a token, or ends what has ended already. @throws our errors; the signal's reason.
 */
export type CallEc2 = <A extends Ec2Action>(
  action: A,
  input: Ec2Actions[A]["input"],
  signal: AbortSignal,
) => Promise<Ec2Actions[A]["output"]>;

/** Creates the way to call one site. */
export function createCalls(client: Ec2Client, { clock, random, logger }: Ec2Deps): CallEc2 {
  const bucketOf = createBuckets(clock);
  return (action, input, signal) => {
    const bucket = bucketOf(action);
    const attempt = async () => {
      await bucket.take(signal);
      try {
        return await client.send(action, input, signal);
      } catch (error) {
        signal.throwIfAborted();
        throw errorFrom(error, action);
      }
    };
    return pRetry(attempt, {
      retries: RETRIES,
      minTimeout: 0,
      signal,
      shouldRetry: ({ error }) => error instanceof TransientError,
      // p-retry counts and stops; the pauses are our clock's.
      async onFailedAttempt({ error, attemptNumber, retriesLeft }) {
        if (error instanceof ThrottleError) bucket.drain();
        if (!(error instanceof TransientError) || retriesLeft === 0) return;
        const boundMs = Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** (attemptNumber - 1));
        const pauseMs = Math.round(boundMs * (0.5 + random.fraction() / 2));
        logger.debug({ action, attemptNumber, pauseMs, problem: error.message }, "calling EC2 again");
        await clock.sleep(pauseMs, signal);
      },
    });
  };
}
