import { TransientError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";

/** Runs something that must end within `ms`. @throws TransientError `deadline` with what was waited for, when it does not. */
export async function within<Result>(
  ms: number,
  what: string,
  clock: Clock,
  signal: AbortSignal,
  run: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const deadline = new AbortController();
  const done = new AbortController();
  clock.sleep(ms, done.signal).then(
    () => deadline.abort(new TransientError("deadline", `Waited ${ms} ms for ${what} in vain`)),
    () => {},
  );
  try {
    return await run(AbortSignal.any([signal, deadline.signal]));
  } finally {
    done.abort();
  }
}
