import type { LiveMachine } from "../domain/machine.ts";
import { withDeadline } from "./deadline.ts";
import { endLease } from "./expire.ts";
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
   * Gives no new leases and launches nothing more, ends what waits, and resolves when no lease is held any more, or when the
   * signal aborts. Machines that nobody holds go meanwhile.
   */
  drain(signal: AbortSignal): Promise<void>;
  /**
   * Stops launching and leasing, retires every machine, and resolves when nothing is left or `ms` have passed.
   * Answers the machines that are still there.
   */
  close(ms: number): Promise<readonly LiveMachine[]>;
  /** Stops at once and changes nothing more: machines, leases and what is under way are the next manager's. */
  handOver(): Promise<void>;
}

/** Starts the passes and the looks at the providers' lists of an adopted fleet. */
export function startLoop(fleet: Fleet): FleetLoop {
  fleet.tasks.start("passes", (signal) => runPasses(fleet, signal));
  fleet.tasks.start("reaping", (signal) => runReaping(fleet, signal));
  const stop = async (): Promise<void> => {
    await fleet.tasks.close();
    fleet.guests.closeAll();
  };
  return {
    drain: (signal) => drainLeases(fleet, signal),
    async close(ms) {
      await stopServing(fleet);
      await closeMachines(fleet, ms);
      await stop();
      return fleet.state.machines();
    },
    handOver: stop,
  };
}

async function drainLeases(fleet: Fleet, signal: AbortSignal): Promise<void> {
  await stopServing(fleet);
  const isHeld = (): boolean => fleet.state.leases().some(({ state }) => state === "held");
  while (!signal.aborted && isHeld()) await fleet.changes.next([ANY_CHANGE], signal);
}

async function stopServing(fleet: Fleet): Promise<void> {
  fleet.isClosing = true;
  nudge(fleet);
  for (const lease of fleet.state.leases()) {
    if (lease.state === "waiting") await endLease(fleet, lease.id, "shutdown", "the manager is stopping");
  }
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

async function closeMachines(fleet: Fleet, ms: number): Promise<void> {
  for (const machine of fleet.state.machines()) {
    await retireMachine(fleet, machine.id, "shutdown", "the manager is stopping");
  }
  nudge(fleet);
  const late = new Error("machines are left at the end");
  await withDeadline(fleet.deps.clock, ms, late, new AbortController().signal, async (signal) => {
    while (fleet.state.machineCount() > 0 && !signal.aborted) await fleet.changes.next([ANY_CHANGE], signal);
  });
}
