import { SystemError } from "../../domain/errors.ts";
import type { LiveMachine } from "../../domain/machine.ts";
import type { Driver, Power } from "../../ports/driver.ts";
import type { Fleet } from "../fleet.ts";

/** Pause before a stop or a start that failed in passing is asked for again. */
const RETRY_PAUSE_MS = 2_000;
const RETRY_PAUSE_MAX_MS = 60_000;
/** Starts of a pool pause after a refusal: fresh machines are launched meanwhile. */
const START_PAUSE_MS = 10_000;
const START_PAUSE_MAX_MS = 120_000;
/** Stops pause for long: each one that fails has cost a machine's launch. */
const STOP_PAUSE_MS = 60_000;
const STOP_PAUSE_MAX_MS = 1_200_000;

/** A driver's way to stop and start. @throws SystemError `cannot-stop` when it has none. */
export function powerOf({ name, power }: Driver): Power {
  if (power === undefined) throw new SystemError("cannot-stop", `machines of driver "${name}" cannot be stopped`);
  return power;
}

/** How long to wait after so many failures in a row, in milliseconds; doubles up to a bound, less a random part. */
export const retryPauseMs = (fleet: Fleet, failures: number): number =>
  pauseMs(fleet, RETRY_PAUSE_MS, RETRY_PAUSE_MAX_MS, failures);

/** Notes that a stop was refused: the pool stops no machine for a while, and makes none for it. */
export function noteStopFailure(fleet: Fleet, { id: machineId, poolName }: LiveMachine, problem: string): void {
  const notes = fleet.state.notes(poolName);
  const ms = pauseMs(fleet, STOP_PAUSE_MS, STOP_PAUSE_MAX_MS, notes.stopFailures);
  notes.stopFailures += 1;
  notes.stopProblem = problem;
  notes.stopsPausedUntil = fleet.deps.clock.now() + ms;
  fleet.deps.logger.warn({ machineId, poolName, problem, pauseMs: ms }, "stop refused");
}

/** Notes that a start was refused: the pool launches for a while instead. */
export function noteStartFailure(fleet: Fleet, { id: machineId, poolName }: LiveMachine, problem: string): void {
  const notes = fleet.state.notes(poolName);
  const ms = pauseMs(fleet, START_PAUSE_MS, START_PAUSE_MAX_MS, notes.startFailures);
  notes.startFailures += 1;
  notes.startsPausedUntil = fleet.deps.clock.now() + ms;
  fleet.deps.logger.warn({ machineId, poolName, problem, pauseMs: ms }, "start refused");
}

function pauseMs({ deps }: Fleet, leastMs: number, mostMs: number, failures: number): number {
  const boundMs = Math.min(mostMs, leastMs * 2 ** Math.min(failures, 16));
  return Math.round(boundMs * (0.5 + deps.random.fraction() / 2));
}
