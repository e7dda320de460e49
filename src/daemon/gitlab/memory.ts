import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import { GITLAB_MEMORY } from "../../ports/store.ts";
import type { Store } from "../../ports/store.ts";

/** How often what was learned is written, where it has changed. */
const SAVE_MS = 600_000;

export type MemoryStore = Pick<Store, "commit" | "poolMemory">;

/** What an earlier manager has learned; nothing where it cannot be read. */
export const readMemory = (store: MemoryStore): Promise<string | undefined> =>
  store.poolMemory(GITLAB_MEMORY).catch(() => undefined);

/**
 * Writes what is learned every ten minutes, and at the end. It is kept in the store, since webhooks alone do not tell again how
 * long jobs took, and a manager is restarted for each upgrade. Answers how to end it.
 */
export function keepMemory(
  store: MemoryStore,
  memory: () => string,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): () => Promise<void> {
  const stopping = new AbortController();
  const { signal } = stopping;
  let saved = memory();

  const save = async (): Promise<void> => {
    const text = memory();
    if (text === saved) return;
    try {
      await store.commit([{ kind: "pool-memory", poolName: GITLAB_MEMORY, memory: text }]);
      saved = text;
    } catch (error) {
      // What is lost is learned again; the store says itself what it cannot do.
      logger.debug({ err: error }, "what was learned of GitLab's jobs could not be written");
    }
  };
  const saveAlways = async (): Promise<void> => {
    while (!signal.aborted) {
      await clock.sleep(SAVE_MS, signal).catch(() => undefined);
      await save();
    }
  };
  const ended = saveAlways();
  return async () => {
    stopping.abort();
    await ended;
  };
}
