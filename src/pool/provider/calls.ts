import { TransientError } from "../../domain/errors.ts";
import type { DriverName } from "../../domain/shape.ts";
import type { Driver } from "../../ports/driver.ts";
import { createBudget } from "./budget.ts";
import type { Budget } from "./budget.ts";
import { withDeadline, withHardDeadline } from "../../ports/deadline.ts";
import { driverOf } from "../fleet.ts";
import type { Fleet } from "../fleet.ts";

/** How long a provider may take over one call, the wait for the budget included. In milliseconds. */
const DEADLINES_MS = { launch: 120_000, list: 30_000, terminate: 60_000, stop: 60_000, start: 60_000 } as const;

/** A launch that got no turn within this is not made: one that goes out is given time to answer. In milliseconds. */
const LAUNCH_TURN_MS = 90_000;

/**
 * Makes one call of a driver, within its budget and a deadline that holds even when the driver does not heed its signal: a
 * later answer is dropped, and what it tells of is found by tag.
 * @throws what the driver throws; TransientError `launch-timeout` and the like, `launch-turn` when the driver was not even called;
 * the signal's reason.
 */
export function callDriver<T>(
  fleet: Fleet,
  name: DriverName,
  verb: keyof typeof DEADLINES_MS,
  signal: AbortSignal,
  call: (driver: Driver, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ms = DEADLINES_MS[verb];
  const late = (): TransientError =>
    new TransientError(`${verb}-timeout`, `no answer to the ${verb} within ${ms / 1000} s`);
  return withHardDeadline(fleet.deps.clock, ms, late, signal, async (bounded) => {
    const driver = driverOf(fleet, name);
    const budget = budgetOf(fleet, driver);
    if (verb !== "launch") await budget.take(true, bounded);
    else await withDeadline(fleet.deps.clock, LAUNCH_TURN_MS, noTurn, bounded, (turn) => budget.take(false, turn));
    return call(driver, bounded);
  });
}

const noTurn = (): TransientError =>
  new TransientError(
    "launch-turn",
    `no turn within ${LAUNCH_TURN_MS / 1000} s: calls that end or list machines go first`,
  );

function budgetOf(fleet: Fleet, driver: Driver): Budget {
  const known = fleet.budgets.get(driver.name);
  if (known !== undefined) return known;
  const budget = createBudget(driver.capabilities.callBudget, fleet.deps.clock, fleet.hasPast);
  fleet.budgets.set(driver.name, budget);
  return budget;
}
