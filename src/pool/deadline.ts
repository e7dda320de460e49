import type { Clock } from "../ports/clock.ts";

/** Resolves when the signal aborts. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/**
 * Runs something that must end within a time. Its signal aborts with the outer one, or with `late` when the time is over.
 * @throws what `run` throws.
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  late: Error,
  outer: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  const tooLate = new AbortController();
  const timer = clock.sleep(ms, ended.signal).then(
    () => tooLate.abort(late),
    () => undefined,
  );
  try {
    return await run(AbortSignal.any([outer, tooLate.signal]));
  } finally {
    ended.abort();
    await timer;
  }
}
