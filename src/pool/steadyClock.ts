import type { Clock } from "../ports/clock.ts";

/**
 * Makes a clock that shows the wall time of this moment plus what has passed since: a host's clock that jumps lapses no
 * lease and ends no machine.
 */
export function createSteadyClock(clock: Clock): Clock {
  const startedAt = clock.now();
  const startedMs = clock.monotonic();
  return {
    now: () => Math.round(startedAt + clock.monotonic() - startedMs),
    monotonic: () => clock.monotonic(),
    sleep: (ms, signal) => clock.sleep(ms, signal),
    schedule: (ms, run) => clock.schedule(ms, run),
  };
}
