import type { LiveMachine } from "../domain/machine.ts";
import { withDeadline } from "../ports/deadline.ts";
import { endLease } from "./leases/expire.ts";
import { NUDGE, nudge } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import { runLooks } from "./provider/looks.ts";
import { createNap } from "./nap.ts";
import { runProbes } from "./health/probe.ts";
import { reconcileFleet } from "./reconcile.ts";
import { saveShadows } from "./shadow/record.ts";
import { ANY_CHANGE } from "./state/state.ts";
import { savePlanners } from "./target/record.ts";
import { retireMachine } from "./terminate.ts";

/** A pass that is so late, or that took so long, tells that the process or its disk stood still for a moment. */
const LATE_MS = 1_000;
/** A pass that is so late tells that the whole process stood still for long. */
const AWAY_MS = 5_000;

/** A pass that took no longer is no burden, however often there is one. */
const LONG_THOUGHT_MS = 2;
/** A pass of any length is followed by the next one after this rest. */
const LONGEST_REST_MS = 50;

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

/** Starts the passes, the looks at the providers' lists and the probes of an adopted fleet. */
export function startLoop(fleet: Fleet): FleetLoop {
  fleet.tasks.start("passes", (signal) => runPasses(fleet, signal));
  fleet.tasks.start("looks", (signal) => runLooks(fleet, signal));
  fleet.tasks.start("probes", (signal) => runProbes(fleet, signal));
  const stop = async (): Promise<void> => {
    await fleet.tasks.close();
    await savePlanners(fleet);
    await saveShadows(fleet);
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
  const { clock } = fleet.deps;
  const napUntil = createNap(fleet, NUDGE, signal);
  while (!signal.aborted) {
    const startedAt = clock.now();
    fleet.isNudged = false;
    const { dueAt, thoughtMs } = await reconcileFleet(fleet);
    const endedAt = clock.now();
    if (endedAt - startedAt > LATE_MS) forgiveSlowness(fleet, endedAt - startedAt);
    // Where there is much to look at, the others get as much time as the passes do; what happens meanwhile is seen by one pass.
    if (thoughtMs >= LONG_THOUGHT_MS)
      await clock.sleep(Math.min(thoughtMs, LONGEST_REST_MS), signal).catch(() => undefined);
    if (fleet.isNudged) continue;
    const wakeAt = Math.max(endedAt, Math.min(dueAt, startedAt + fleet.pace.passMs));
    await napUntil(wakeAt);
    const lateMs = clock.now() - wakeAt;
    if (lateMs > AWAY_MS) forgiveAbsence(fleet, lateMs);
    else if (lateMs > LATE_MS) forgiveSlowness(fleet, lateMs);
  }
}

/** The whole process stood still (a paused host, say): nobody could renew a lease, and nobody saw a machine come up. */
function forgiveAbsence(fleet: Fleet, ms: number): void {
  fleet.deps.logger.warn({ ms }, "the manager was away, leases and boots get their whole time anew");
  const now = fleet.deps.clock.now();
  fleet.watchedSince = now;
  for (const lease of fleet.state.leases()) fleet.state.renew({ ...lease, expiresAt: now + lease.ttlMs });
}

/**
 * The process stood still for a moment, or its disk did: leases get back the time in which nobody could renew them. No more
 * than that, so that with a disk that is slow for hours a dead holder's lease still lapses.
 */
function forgiveSlowness(fleet: Fleet, ms: number): void {
  const now = fleet.deps.clock.now();
  for (const lease of fleet.state.leases())
    fleet.state.renew({ ...lease, expiresAt: Math.min(lease.expiresAt + ms, now + lease.ttlMs) });
}

async function closeMachines(fleet: Fleet, ms: number): Promise<void> {
  for (const machine of fleet.state.machines()) {
    await retireMachine(fleet, machine.id, "shutdown", "the manager is stopping");
  }
  nudge(fleet);
  const late = (): Error => new Error("machines are left at the end");
  await withDeadline(fleet.deps.clock, ms, late, new AbortController().signal, async (signal) => {
    while (fleet.state.machineCount() > 0 && !signal.aborted) await fleet.changes.next([ANY_CHANGE], signal);
  });
}
