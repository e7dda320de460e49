import { TransientError } from "../domain/errors.ts";
import { withHardDeadline } from "../ports/deadline.ts";
import type { Clock } from "../ports/clock.ts";
import type { Driver } from "../ports/driver.ts";
import type { Logger } from "../ports/logger.ts";

/** A manager that comes up has better to do; one that runs a single job is gone before. */
const FIRST_MS = 10 * 60_000;
/** From list to list. What is in two of them was not about to be used. */
const ROUND_MS = 30 * 60_000;
/** How long a provider may take over a list, or over one removal. */
const CALL_MS = 60_000;

export interface LeftoverDeps {
  readonly drivers: Iterable<Driver>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Removes, now and then, what providers show of our owner beside instances and nothing has a use for, once two lists show it.
 * Answers how to stop.
 */
export function startLeftoverSweep({ drivers, clock, logger }: LeftoverDeps): () => Promise<void> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const late = (): TransientError => new TransientError("sweep-timeout", `no answer within ${CALL_MS / 1000} s`);
  const call = <T>(run: (bounded: AbortSignal) => Promise<T>): Promise<T> =>
    withHardDeadline(clock, CALL_MS, late, signal, run);
  const sweepers = [...drivers].flatMap((driver) => {
    const { listLeftovers, removeLeftover } = driver;
    if (listLeftovers === undefined || removeLeftover === undefined) return [];
    let before: ReadonlySet<string> = new Set();
    return async (): Promise<void> => {
      const found = await call((bounded) => listLeftovers.call(driver, bounded));
      const due = found.filter(({ id }) => before.has(id));
      before = new Set(found.map(({ id }) => id));
      for (const { id, what } of due) {
        try {
          await call((bounded) => removeLeftover.call(driver, id, bounded));
          logger.info({ driver: driver.name, id, what }, "removed what was left over");
        } catch (err) {
          signal.throwIfAborted();
          logger.warn({ driver: driver.name, id, what, err }, "could not remove what is left over");
        }
      }
    };
  });
  const rounds = async (): Promise<void> => {
    if (sweepers.length === 0) return;
    for (let pauseMs = FIRST_MS; ; pauseMs = ROUND_MS) {
      await clock.sleep(pauseMs, signal);
      for (const sweep of sweepers) {
        try {
          await sweep();
        } catch (err) {
          signal.throwIfAborted();
          logger.warn({ err }, "could not look for what is left over");
        }
      }
    }
  };
  const ended = rounds().catch((err: unknown) => {
    if (!signal.aborted) logger.error({ err }, "the sweep for what is left over ended");
  });
  return () => {
    stopping.abort(new Error("the manager stops"));
    return ended;
  };
}
