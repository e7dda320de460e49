import { SystemError } from "../../../domain/errors.ts";
import type { Clock } from "../../../ports/clock.ts";

/** Runs something that must end within `ms`. @throws SystemError `deadline` with what was waited for, when it does not. */
export async function within<Result>(
  ms: number,
  what: string,
  clock: Clock,
  signal: AbortSignal,
  run: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const late = new AbortController();
  const stop = clock.schedule(ms, () =>
    late.abort(new SystemError("deadline", `waited ${ms / 60_000} min for ${what} in vain`)),
  );
  try {
    return await run(AbortSignal.any([signal, late.signal]));
  } finally {
    stop();
  }
}
