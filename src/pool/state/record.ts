import { SystemError } from "../../domain/errors.ts";
import type { Fleet } from "../fleet.ts";

/** Pause before what the store could not write is written again. */
const STORE_PAUSE_MS = 2_000;

/** Tells whether the store itself failed (a full disk, say), rather than refused what was asked of it. */
export const isStoreFailure = (error: unknown): boolean =>
  error instanceof SystemError && error.code !== "store-closed";

/**
 * Decides and commits what has happened already, again and again while the store cannot write: a full disk may delay the
 * record of a fact, never lose it.
 * @param poolName of all records that are looked at and written. @default those of any pool
 * @throws what `decide` throws otherwise; the signal's reason.
 */
export async function recordFact<T>(
  fleet: Fleet,
  signal: AbortSignal,
  decide: () => Promise<T>,
  poolName?: string,
): Promise<T> {
  for (;;) {
    try {
      return await fleet.decide(decide, aboutPool(poolName));
    } catch (error) {
      if (!isStoreFailure(error)) throw error;
    }
    await fleet.deps.clock.sleep(STORE_PAUSE_MS, signal);
  }
}

/**
 * Like `recordFact`, but leaves the repetitions to a task of that name, and resolves after the first try.
 * @param decided what to do once it is stored.
 * @param poolName as with `recordFact`.
 */
export async function recordOrRetry<T>(
  fleet: Fleet,
  name: string,
  decide: () => Promise<T>,
  decided: (result: T) => void,
  poolName?: string,
): Promise<void> {
  try {
    return decided(await fleet.decide(decide, aboutPool(poolName)));
  } catch (error) {
    if (!isStoreFailure(error)) throw error;
    fleet.deps.logger.warn({ task: name, err: error }, "the store cannot write, will be tried again");
  }
  fleet.tasks.start(name, async (signal) => {
    await fleet.deps.clock.sleep(STORE_PAUSE_MS, signal);
    decided(await recordFact(fleet, signal, decide, poolName));
  });
}

const aboutPool = (poolName: string | undefined): readonly string[] | undefined =>
  poolName === undefined ? undefined : [poolName];
