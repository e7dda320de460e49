/** Wakes whoever waits for news of a key. */
export interface Broadcast {
  notify(key: string): void;
  /** Calls `listener` at every `notify` of the key. Answers how to stop. */
  listen(key: string, listener: () => void): () => void;
  /** Resolves at the next `notify` of any of the keys, or when the signal aborts; never rejects. */
  next(keys: readonly string[], signal: AbortSignal): Promise<void>;
  /** Follows the keys until it is stopped, for who asks for the next news again and again. */
  follow(keys: readonly string[], signal: AbortSignal): Following;
}

/** One who waits for news again and again. */
export interface Following {
  /** Resolves when any of the keys was notified since the last call, or when the signal has aborted; never rejects. */
  next(): Promise<void>;
  stop(): void;
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
    follow(keys, signal) {
      let isNews = false;
      let wake: (() => void) | undefined;
      const hear = (): void => {
        isNews = true;
        wake?.();
      };
      for (const key of keys) add(key, hear);
      signal.addEventListener("abort", hear, { once: true });
      return {
        async next() {
          if (!isNews && !signal.aborted)
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          isNews = false;
        },
        stop() {
          for (const key of keys) remove(key, hear);
          signal.removeEventListener("abort", hear);
        },
      };
    },
  };
}
