import type { MachineId } from "../domain/ids.ts";
import type { LiveMachine } from "../domain/machine.ts";
import { adoptFleet } from "./adopt.ts";
import { withDeadline } from "./deadline.ts";
import { NUDGE, nudge } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import { reapFleet } from "./reap.ts";
import { reconcileFleet } from "./reconcile.ts";
import { ANY_CHANGE } from "./state.ts";
import { retireMachine } from "./terminate.ts";

/** Longest pause between two passes; news of any kind brings the next one forward. */
const PASS_INTERVAL_MS = 2_000;
/** Pause between two looks at the providers' lists. */
const REAP_INTERVAL_MS = 15_000;

/** A control loop at work. */
export interface FleetLoop {
  /**
   * Stops launching and leasing, retires every machine, and resolves when nothing is left or `ms` have passed.
   * Answers the machines that are still there.
   */
  close(ms: number): Promise<readonly LiveMachine[]>;
}

/** Adopts what an earlier run left and starts the control loop. */
export async function startFleet(fleet: Fleet): Promise<FleetLoop> {
  await adoptFleet(fleet);
  const unwatch = watchDrivers(fleet);
  fleet.tasks.start("passes", (signal) => runPasses(fleet, signal));
  fleet.tasks.start("reaping", (signal) => runReaping(fleet, signal));
  return {
    async close(ms) {
      fleet.isClosing = true;
      await closeMachines(fleet, ms);
      for (const stop of unwatch) stop();
      await fleet.tasks.close();
      return fleet.state.machines();
    },
  };
}

async function runPasses(fleet: Fleet, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    fleet.isNudged = false;
    try {
      await reconcileFleet(fleet);
    } catch (error) {
      fleet.deps.logger.error({ err: error }, "pass failed, the next one starts afresh");
    }
    await nextPass(fleet, signal);
  }
}

async function nextPass(fleet: Fleet, signal: AbortSignal): Promise<void> {
  if (fleet.isNudged) return;
  const nudged = new AbortController();
  const pause = fleet.deps.clock
    .sleep(PASS_INTERVAL_MS, AbortSignal.any([signal, nudged.signal]))
    .catch(() => undefined);
  await Promise.race([fleet.changes.next([NUDGE], AbortSignal.any([signal, nudged.signal])), pause]);
  nudged.abort();
  await pause;
}

async function runReaping(fleet: Fleet, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await reapFleet(fleet, signal);
    await fleet.deps.clock.sleep(REAP_INTERVAL_MS, signal).catch(() => undefined);
  }
}

function watchDrivers(fleet: Fleet): (() => void)[] {
  const onGone = (providerId: string, detail: string): void => {
    const machine = fleet.state.machines().find((m) => "providerId" in m && m.providerId === providerId);
    if (machine !== undefined) startRetiring(fleet, machine.id, detail);
  };
  return [...fleet.deps.drivers.values()].flatMap((driver) => driver.watch?.({ onGone }) ?? []);
}

const startRetiring = (fleet: Fleet, id: MachineId, detail: string): void =>
  fleet.tasks.start(`retire ${id}`, () => retireMachine(fleet, id, "instance-gone", detail));

async function closeMachines(fleet: Fleet, ms: number): Promise<void> {
  for (const machine of fleet.state.machines()) {
    await retireMachine(fleet, machine.id, "shutdown", "the manager is stopping");
  }
  nudge(fleet);
  const late = new Error("machines are left at the end");
  await withDeadline(fleet.deps.clock, ms, late, new AbortController().signal, async (signal) => {
    while (fleet.state.machines().length > 0 && !signal.aborted) await fleet.changes.next([ANY_CHANGE], signal);
  });
}
