import { CapacityError, ConfigError, RefusedError, TransientError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Driver } from "../../ports/driver.ts";
import type { Instruments } from "./instruments.ts";

type Action = "launch" | "list" | "terminate" | "stop" | "start";

/** A driver whose calls are counted and timed. */
export function meteredDriver(driver: Driver, instruments: Instruments, clock: Pick<Clock, "monotonic">): Driver {
  const metered = async <T>(action: Action, signal: AbortSignal, call: () => Promise<T>): Promise<T> => {
    const startedAt = clock.monotonic();
    const done = (outcome: string): void => {
      instruments.providerCalls.inc({ driver: driver.name, action, outcome });
      instruments.providerCallTime.observe({ driver: driver.name, action }, (clock.monotonic() - startedAt) / 1_000);
    };
    try {
      const answer = await call();
      done("ok");
      return answer;
    } catch (error) {
      done(outcomeOf(error, signal));
      throw error;
    }
  };
  const { together, power } = driver;
  return {
    ...driver,
    launch: (spec, token, signal) => metered("launch", signal, () => driver.launch(spec, token, signal)),
    list: (signal) => metered("list", signal, () => driver.list(signal)),
    terminate: (ids, signal) => metered("terminate", signal, () => driver.terminate(ids, signal)),
    ...(together && {
      together: {
        ...together,
        launch: (spec, token, signal) => metered("launch", signal, () => together.launch(spec, token, signal)),
      },
    }),
    ...(power && {
      power: {
        stop: (ids, signal) => metered("stop", signal, () => power.stop(ids, signal)),
        start: (spec, signal) => metered("start", signal, () => power.start(spec, signal)),
      },
    }),
  };
}

/** `given-up`: its deadline passed, or nobody wanted its answer any more. */
function outcomeOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return "given-up";
  if (error instanceof CapacityError) return "no-capacity";
  if (error instanceof TransientError) return "transient";
  if (error instanceof RefusedError || error instanceof ConfigError) return "refused";
  return "failed";
}
