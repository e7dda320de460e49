/** Wakes whoever waits for news of a key. */
export interface Broadcast {
  notify(key: string): void;
  /** Calls `listener` at every `notify` of the key. Answers how to stop. */
  listen(key: string, listener: () => void): () => void;
  /** Resolves at the next `notify` of any of the keys, or when the signal aborts; never rejects. */
  next(keys: readonly string[], signal: AbortSignal): Promise<void>;
}

/** Creates a broadcast without listeners. */
export function createBroadcast(): Broadcast {
  const listeners = new Map<string, Set<() => void>>();

  const add = (key: string, listener: () => void): void => {
    const set = listeners.get(key);
    if (set === undefined) listeners.set(key, new Set([listener]));
    else set.add(listener);
  };
  const remove = (key: string, listener: () => void): void => {
    const set = listeners.get(key);
    if (set?.delete(listener) && set.size === 0) listeners.delete(key);
  };

  return {
    notify(key) {
      const set = listeners.get(key);
      // Whoever begins to listen while this is told waits for the next news.
      if (set !== undefined) for (const listener of [...set]) listener();
    },
    listen(key, listener) {
      add(key, listener);
      return () => remove(key, listener);
    },
    async next(keys, signal) {
      if (signal.aborted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = (): void => resolve();
      for (const key of keys) add(key, wake);
      signal.addEventListener("abort", wake, { once: true });
      await promise;
      signal.removeEventListener("abort", wake);
      for (const key of keys) remove(key, wake);
    },
  };
}
