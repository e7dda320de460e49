import type { EpochMs } from "../../domain/ids.ts";
import type { LiveMachine } from "../../domain/machine.ts";
import type { DriverName } from "../../domain/shape.ts";
import { earliestAfter } from "../../planning/due.ts";
import { PartialListError } from "../../ports/driver.ts";
import type { Driver, Instance } from "../../ports/driver.ts";
import { callDriver } from "./calls.ts";
import { LOOK_WANTED, lookKey } from "../fleet.ts";
import type { Fleet } from "../fleet.ts";
import { judgeMachines } from "./judge.ts";
import { createNap } from "../nap.ts";
import { reapStrangers } from "./reap.ts";
import { tellApart } from "../shared.ts";

/** One list of a provider. */
export interface Look {
  /** When the list was asked for. */
  readonly at: EpochMs;
  readonly instances: readonly Instance[];
  /** Whether what it does not show is not there, as far as lists can tell. */
  readonly isWhole: boolean;
}

/** What lists say against a machine of ours: that it is not there, ends, or runs though it is stopped. One list proves nothing. */
export interface Doubt {
  readonly what: "missing" | "ending" | "running";
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

/** Pause between two looks while something is not as known; while all is, the fleet's pace holds. */
const ALERT_INTERVAL_MS = 15_000;
/** Pause before a look that somebody waits for. */
const WANTED_INTERVAL_MS = 2_000;

/** Looks at the providers' lists for as long as the signal allows. */
export async function runLooks(fleet: Fleet, signal: AbortSignal): Promise<void> {
  const tried = new Map<DriverName, Tried>();
  const napUntil = createNap(fleet, LOOK_WANTED, signal);
  while (!signal.aborted) {
    const now = fleet.deps.clock.now();
    for (const driver of fleet.deps.drivers.values()) {
      if (dueAt(fleet, driver.name, tried) > now) continue;
      fleet.wantedLooks.delete(driver.name);
      const { failures = 0, problem: known } = tried.get(driver.name) ?? {};
      const problem = await lookAt(fleet, driver, known, signal);
      tried.set(driver.name, { at: now, failures: problem === undefined ? 0 : failures + 1, problem });
    }
    const due = [...fleet.deps.drivers.keys()].map((name) => dueAt(fleet, name, tried));
    await napUntil(earliestAfter(-1, due));
  }
}

/** How the last look went. */
interface Tried {
  readonly at: EpochMs;
  /** Looks in a row that told less than all. */
  readonly failures: number;
  /** Why the last one did. */
  readonly problem: string | undefined;
}

function dueAt(fleet: Fleet, name: DriverName, tried: ReadonlyMap<DriverName, Tried>): EpochMs {
  const last = tried.get(name);
  if (last === undefined) return 0;
  const backOffMs = Math.min(fleet.pace.lookMs, ALERT_INTERVAL_MS * 2 ** Math.min(last.failures - 1, 16));
  if (fleet.wantedLooks.has(name)) return last.at + (last.failures > 0 ? backOffMs : WANTED_INTERVAL_MS);
  if (last.failures > 0) return last.at + backOffMs;
  return last.at + (isCalm(fleet, name) ? fleet.pace.lookMs : ALERT_INTERVAL_MS);
}

const isCalm = (fleet: Fleet, name: DriverName): boolean =>
  fleet.looks.has(name) &&
  fleet.strangers.size === 0 &&
  fleet.doubts.size === 0 &&
  !fleet.state.machines().some((machine) => machine.driver === name && isUnsettled(fleet, machine));

/** Tells whether the list is what a machine waits for. */
const isUnsettled = (fleet: Fleet, machine: LiveMachine): boolean =>
  machine.state === "stopping" ||
  (machine.state === "terminating" && (machine.providerId === undefined || fleet.terminations.has(machine.id)));

/**
 * Compares what a provider lists with what the store knows, and mends both ways. A failed list changes nothing, and a partial
 * one proves no absence. Answers why it did not tell all.
 * @param known what the look before answered: a problem that lasts is logged once.
 */
async function lookAt(
  fleet: Fleet,
  driver: Driver,
  known: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const at = fleet.deps.clock.now();
  let problem: string | undefined;
  const note = (err: unknown): void => {
    problem = err instanceof Error ? err.message : String(err);
    const level = problem === known ? "debug" : "warn";
    fleet.deps.logger[level]({ driver: driver.name, err }, "look failed, will be tried again");
  };
  try {
    const look = await take(fleet, driver, at, note, signal);
    fleet.looks.set(driver.name, look);
    fleet.changes.notify(lookKey(driver.name));
    await judgeMachines(fleet, driver, look, signal);
    await reapStrangers(fleet, driver, look, signal);
  } catch (error) {
    if (!signal.aborted) note(error);
  }
  if (problem === undefined && known !== undefined)
    fleet.deps.logger.info({ driver: driver.name }, "looks tell all again");
  return problem;
}

async function take(
  fleet: Fleet,
  { name }: Driver,
  at: EpochMs,
  onPart: (error: PartialListError) => void,
  signal: AbortSignal,
): Promise<Look> {
  const told = (instances: readonly Instance[]): Promise<readonly Instance[]> =>
    tellApart(instances, fleet.state.machine, (id) => fleet.deps.store.machine(id));
  try {
    const instances = await callDriver(fleet, name, "list", signal, (driver, bounded) => driver.list(bounded));
    return { at, instances: await told(instances), isWhole: true };
  } catch (error) {
    if (!(error instanceof PartialListError)) throw error;
    onPart(error);
    return { at, instances: await told(error.instances), isWhole: false };
  }
}
