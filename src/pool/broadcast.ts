/** Wakes whoever waits for news of a key. */
export interface Broadcast {
  notify(key: string): void;
  /** Resolves at the next `notify` of any of the keys, or when the signal aborts; never rejects. */
  next(keys: readonly string[], signal: AbortSignal): Promise<void>;
}

/** Creates a broadcast without listeners. */
export function createBroadcast(): Broadcast {
  const listeners = new Map<string, Set<() => void>>();

  const add = (key: string, listener: () => void): void => {
    const set = listeners.get(key) ?? new Set();
    listeners.set(key, set.add(listener));
  };
  const remove = (key: string, listener: () => void): void => {
    const set = listeners.get(key);
    set?.delete(listener);
    if (set?.size === 0) listeners.delete(key);
  };

  return {
    notify(key) {
      for (const listener of [...(listeners.get(key) ?? [])]) listener();
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
