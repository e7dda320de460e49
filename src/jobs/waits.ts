import type { Clock } from "../ports/clock.ts";

/** Settles as the promise does, or rejects with the signal's reason when that comes first. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) {
      promise.catch(() => undefined);
      onAbort();
      return;
    }
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** Resolves with the signal's reason once it aborts; never, otherwise. Let go of it with `using`. */
export function whenAborted(signal: AbortSignal): Promise<unknown> & Disposable {
  let onAbort = (): void => undefined;
  const promise = new Promise<unknown>((resolve) => {
    onAbort = () => resolve(signal.reason);
    if (signal.aborted) {
      onAbort();
    } else {
      signal.addEventListener("abort", onAbort, { once: true });
    }
  });
  return Object.assign(promise, { [Symbol.dispose]: () => signal.removeEventListener("abort", onAbort) });
}

/** Answers what the promise does, or undefined after `ms`. */
export async function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T | undefined> {
  const done = new AbortController();
  const slept = clock.sleep(ms, done.signal).then(
    () => undefined,
    () => undefined,
  );
  try {
    return await Promise.race([promise, slept]);
  } finally {
    done.abort();
  }
}
