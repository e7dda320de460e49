import type { EpochMs } from "../domain/ids.ts";
import type { LiveMachine } from "../domain/machine.ts";
import type { DriverName } from "../domain/shape.ts";
import { earliestAfter } from "../planning/due.ts";
import type { Driver, Instance } from "../ports/driver.ts";
import { callDriver } from "./calls.ts";
import { LOOK_WANTED, lookKey } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import { judgeMachines } from "./judge.ts";
import { createNap } from "./nap.ts";
import { reapStrangers } from "./reap.ts";

/** One list of a provider. */
export interface Look {
  /** When the list was asked for. */
  readonly at: EpochMs;
  readonly instances: readonly Instance[];
}

/** What lists say against a machine of ours: that it is not there, or is on its way out. One list proves nothing. */
export interface Doubt {
  readonly what: "missing" | "ending";
  readonly since: EpochMs;
  readonly lists: number;
}

/** An instance that bears our tag and that no live record knows. */
export interface Stranger {
  readonly driver: DriverName;
  readonly since: EpochMs;
  readonly lists: number;
  readonly reapedAt?: EpochMs | undefined;
}

/** Pause between two looks while all is as known, and while something is not. */
const CALM_INTERVAL_MS = 60_000;
const ALERT_INTERVAL_MS = 15_000;
/** Pause before a look that somebody waits for. */
const WANTED_INTERVAL_MS = 2_000;

/** Looks at the providers' lists for as long as the signal allows. */
export async function runLooks(fleet: Fleet, signal: AbortSignal): Promise<void> {
  const nextAt = new Map<DriverName, EpochMs>();
  const napUntil = createNap(fleet, LOOK_WANTED, signal);
  while (!signal.aborted) {
    const now = fleet.deps.clock.now();
    for (const driver of fleet.deps.drivers.values()) {
      if (dueAt(fleet, driver.name, nextAt) > now) continue;
      fleet.wantedLooks.delete(driver.name);
      nextAt.set(driver.name, now);
      await lookAt(fleet, driver, signal);
    }
    const due = [...fleet.deps.drivers.keys()].map((name) => dueAt(fleet, name, nextAt));
    await napUntil(earliestAfter(-1, due));
  }
}

function dueAt(fleet: Fleet, name: DriverName, lastAt: ReadonlyMap<DriverName, EpochMs>): EpochMs {
  const last = lastAt.get(name);
  if (last === undefined) return 0;
  if (fleet.wantedLooks.has(name)) return last + WANTED_INTERVAL_MS;
  return last + (isCalm(fleet, name) ? CALM_INTERVAL_MS : ALERT_INTERVAL_MS);
}

const isCalm = (fleet: Fleet, name: DriverName): boolean =>
  fleet.looks.has(name) &&
  fleet.strangers.size === 0 &&
  fleet.doubts.size === 0 &&
  !fleet.state.machines().some((machine) => machine.driver === name && isUnsettled(fleet, machine));

/** Tells whether the list is what a machine waits for. */
const isUnsettled = (fleet: Fleet, machine: LiveMachine): boolean =>
  machine.state === "terminating" && (machine.providerId === undefined || fleet.terminations.has(machine.id));

/** Compares what a provider lists with what the store knows, and mends both ways. A failed list changes nothing. */
async function lookAt(fleet: Fleet, driver: Driver, signal: AbortSignal): Promise<void> {
  const at = fleet.deps.clock.now();
  try {
    const instances = await callDriver(fleet, driver.name, "list", signal, (_driver, bounded) => driver.list(bounded));
    const look = { at, instances };
    fleet.looks.set(driver.name, look);
    fleet.changes.notify(lookKey(driver.name));
    await judgeMachines(fleet, driver, look, signal);
    await reapStrangers(fleet, driver, look, signal);
  } catch (error) {
    if (!signal.aborted)
      fleet.deps.logger.warn({ driver: driver.name, err: error }, "look failed, will be tried again");
  }
}
