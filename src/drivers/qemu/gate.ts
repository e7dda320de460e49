/** Lets some in at a time, first come first served. */
export interface Gate {
  /**
   * Runs `work` once there is a place for it; its place is free again when it has settled, however.
   * @throws the signal's reason when that aborts before there is a place: then `work` is never run.
   */
  pass<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** Creates a gate. @param places how many are in at once, ≥ 1. */
export function createGate(places: number): Gate {
  let free = places;
  const waiting: (() => void)[] = [];

  const leave = (): void => {
    const next = waiting.shift();
    // A place that is handed on was never free: nobody who comes later gets it first.
    if (next === undefined) free += 1;
    else next();
  };

  const enter = (signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    if (free > 0) {
      free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const onTurn = (): void => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = (): void => {
        waiting.splice(waiting.indexOf(onTurn), 1);
        reject(signal.reason as Error);
      };
      waiting.push(onTurn);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  };

  return {
    async pass(work, signal) {
      await enter(signal);
      try {
        signal.throwIfAborted();
        return await work();
      } finally {
        leave();
      }
    },
  };
}
