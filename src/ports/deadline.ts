import type { Clock } from "./clock.ts";

/** Resolves when the signal aborts. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** Runs something within a time: its signal aborts with the outer one, or with what `late` makes when the time is over. */
interface Bounded {
  readonly signal: AbortSignal;
  /** Called when the signal aborts, before anybody else is told. */
  onAbort: (reason: unknown) => void;
  /** Nothing is bounded any more. */
  end(): void;
}

// One controller by hand: `AbortSignal.any` costs ten times as much, and this runs on every call.
function bound(clock: Clock, ms: number, late: () => Error, outer: AbortSignal): Bounded {
  const controller = new AbortController();
  const abort = (reason: unknown): void => {
    bounded.onAbort(reason);
    controller.abort(reason);
  };
  const forward = (): void => abort(outer.reason);
  const callOff = clock.schedule(ms, () => abort(late()));
  const bounded: Bounded = {
    signal: controller.signal,
    onAbort: () => undefined,
    end() {
      outer.removeEventListener("abort", forward);
      callOff();
    },
  };
  if (outer.aborted) forward();
  else outer.addEventListener("abort", forward, { once: true });
  return bounded;
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
  const bounded = bound(clock, ms, late, outer);
  try {
    return await run(bounded.signal);
  } finally {
    bounded.end();
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
  if (outer.aborted) return Promise.reject(outer.reason);
  const bounded = bound(clock, ms, late, outer);
  return new Promise((resolve, reject) => {
    bounded.onAbort = (reason) => {
      bounded.end();
      reject(reason);
    };
    run(bounded.signal).then(
      (result) => {
        bounded.end();
        resolve(result);
      },
      (error: unknown) => {
        bounded.end();
        reject(error);
      },
    );
  });
}
