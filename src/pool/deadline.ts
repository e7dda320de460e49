import type { Clock } from "../ports/clock.ts";

/** Resolves when the signal aborts. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/**
 * Runs something that must end within a time. Its signal aborts with the outer one, or with what `late` makes when the time is over.
 * @throws what `run` throws.
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  late: () => Error,
  outer: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  // One controller by hand: `AbortSignal.any` costs ten times as much, and this runs on every call.
  const bounded = new AbortController();
  const forward = (): void => bounded.abort(outer.reason);
  if (outer.aborted) forward();
  outer.addEventListener("abort", forward, { once: true });
  const callOff = clock.schedule(ms, () => bounded.abort(late()));
  try {
    return await run(bounded.signal);
  } finally {
    outer.removeEventListener("abort", forward);
    callOff();
  }
}

/**
 * Like `withDeadline`, for what may not heed its signal: then it is no longer waited for, and how it ends is nobody's business.
 * @throws what `run` throws, or the signal's reason.
 */
export function withHardDeadline<T>(
  clock: Clock,
  ms: number,
  late: () => Error,
  outer: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return withDeadline(clock, ms, late, outer, async (signal) => {
    signal.throwIfAborted();
    const cut = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => cut.reject(signal.reason), { once: true });
    return Promise.race([run(signal), cut.promise]);
  });
}
