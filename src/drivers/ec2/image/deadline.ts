import { SystemError } from "../../../domain/errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import { withDeadline } from "../../../ports/deadline.ts";

/** Runs something that must end within `ms`. @throws SystemError `deadline` with what was waited for, when it does not. */
export function within<Result>(
  ms: number,
  what: string,
  clock: Clock,
  signal: AbortSignal,
  run: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const late = (): Error => new SystemError("deadline", `waited ${ms / 60_000} min for ${what} in vain`);
  return withDeadline(clock, ms, late, signal, run);
}
