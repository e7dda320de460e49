import { MachineError } from "../domain/errors.ts";
import type { EpochMs, MachineId } from "../domain/ids.ts";
import type { LeaseOutcome } from "../domain/lease.ts";
import type { LiveMachine, MachineIn, RetireReason } from "../domain/machine.ts";
import { terminatedFrom, terminatingFrom } from "../domain/moves.ts";
import { costUntil } from "../planning/cost/bill.ts";
import type { Change } from "../ports/store.ts";
import { callDriver } from "./provider/calls.ts";
import { eventOf, lookSoon, nudge } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import { recordFact, recordOrRetry } from "./state/record.ts";
import { adoptTask, bootTask, launchTask, startTask, stopTask } from "./tasks.ts";

/** Pause before a failed termination is tried again; doubles with each failure up to the bound, less a random part. */
const RETRY_PAUSE_MS = 2_000;
const RETRY_PAUSE_MAX_MS = 60_000;

/**
 * Ends a machine for a reason; a lease on it ends as machine lost. Ended already is success; the first cause stays. While the
 * store cannot write, it is let go of at once and recorded as soon as may be.
 * @param when holds the machine back when it has come to be another than the caller saw.
 */
export async function retireMachine(
  fleet: Fleet,
  id: MachineId,
  reason: RetireReason,
  detail: string,
  when: (machine: LiveMachine) => boolean = () => true,
): Promise<void> {
  const retire = async (): Promise<LiveMachine | undefined> => {
    const found = fleet.state.machine(id);
    if (found === undefined || found.state === "terminating" || !when(found)) return undefined;
    // Whatever the store says, it gets no lease from here on, and its holder is told.
    fleet.guests.drop(id, `machine ${id} was lost: ${detail}`);
    await fleet.state.commit(retirement(fleet, found, reason, detail));
    return found;
  };
  await recordOrRetry(
    fleet,
    `retire ${id}`,
    retire,
    (machine) => {
      if (machine !== undefined) afterRetirement(fleet, machine, reason, detail);
    },
    fleet.state.machine(id)?.poolName,
  );
}

/** The writes that put a machine, and a lease on it, on the way out. Commit them inside `decide`, then call `afterRetirement`. */
export const retirement = (fleet: Fleet, machine: LiveMachine, reason: RetireReason, detail: string): Change[] => [
  ...machineRetirement(fleet, machine, reason, detail),
  ...(machine.state === "leased" ? lostLease(fleet, machine, reason, detail) : []),
];

/** The part of a retirement's writes that leaves the lease to the caller. */
export function machineRetirement(fleet: Fleet, machine: LiveMachine, reason: RetireReason, detail: string): Change[] {
  const next = terminatingFrom(machine, reason, detail, fleet.deps.clock.now());
  const { id: machineId, poolName } = machine;
  const leaseId = machine.state === "leased" ? machine.leaseId : undefined;
  return [
    { kind: "machine-moved", machine: next, from: machine.state },
    eventOf(fleet, { machineId, poolName, leaseId, what: "machine retired", detail: `${reason}: ${detail}` }),
  ];
}

/** Lets go of a retired machine's channel and starts its termination. */
export function afterRetirement(fleet: Fleet, machine: LiveMachine, reason: RetireReason, detail: string): void {
  const { id: machineId, poolName, state } = machine;
  fleet.deps.logger.info({ machineId, poolName, reason, detail, was: state }, "retired machine");
  fleet.guests.drop(machineId, `machine ${machineId} was lost: ${detail}`);
  fleet.failedProbes.delete(machineId);
  if (machine.state === "leased") fleet.attended.forget(machine.leaseId);
  for (const taskOf of [launchTask, bootTask, adoptTask, stopTask, startTask])
    fleet.tasks.abort(taskOf(machineId), () => new MachineError(reason, detail));
  startTermination(fleet, machineId);
  nudge(fleet);
}

function lostLease(fleet: Fleet, machine: MachineIn<"leased">, reason: RetireReason, detail: string): Change[] {
  const lease = fleet.state.lease(machine.leaseId);
  if (lease?.state !== "held") return [];
  const outcome: LeaseOutcome = reason === "shutdown" ? "shutdown" : "machine-lost";
  const endedAt = fleet.deps.clock.now();
  return [
    { kind: "lease", lease: { ...lease, state: "ended", endedAt, outcome } },
    eventOf(fleet, {
      leaseId: lease.id,
      machineId: machine.id,
      jobId: lease.jobId,
      what: "lease ended",
      detail: `${outcome}: ${detail}`,
    }),
  ];
}

/** Starts, or starts again, what ends a terminating machine at its provider. */
export function startTermination(fleet: Fleet, id: MachineId): void {
  fleet.tasks.start(`terminate ${id}`, (signal) => terminateMachine(fleet, id, signal));
}

/** When the next try of a failed termination is due; 0 for at once. A machine without an instance waits for the provider's lists. */
export const terminationDueAt = (fleet: Fleet, machine: MachineIn<"terminating">): EpochMs =>
  machine.providerId === undefined ? Infinity : (fleet.terminations.get(machine.id)?.nextAt ?? 0);

/** Starts terminations anew whose last try failed and whose pause is over. */
export function retryTerminations(fleet: Fleet): void {
  const now = fleet.deps.clock.now();
  for (const machine of fleet.state.machines()) {
    if (machine.state === "terminating" && terminationDueAt(fleet, machine) <= now) startTermination(fleet, machine.id);
  }
}

async function terminateMachine(fleet: Fleet, id: MachineId, signal: AbortSignal): Promise<void> {
  // Its launch may still be on the way to the provider; what it brings forth is found by tag.
  await fleet.tasks.settled(launchTask(id));
  const machine = fleet.state.machine(id);
  if (machine?.state !== "terminating") return;
  const { providerId } = machine;
  if (providerId === undefined) return lookSoon(fleet, machine.driver);
  try {
    await callDriver(fleet, machine.driver, "terminate", signal, (driver, bounded) =>
      driver.terminate([providerId], bounded),
    );
  } catch (error) {
    if (!signal.aborted) noteFailure(fleet, machine, error);
    return;
  }
  await noteTerminated(fleet, id, "the provider ended it", signal);
}

/** Records that nothing of a terminating machine is left. Terminated already is success. */
export async function noteTerminated(fleet: Fleet, id: MachineId, how: string, signal: AbortSignal): Promise<void> {
  const machine = await recordFact(
    fleet,
    signal,
    async () => {
      const found = fleet.state.machine(id);
      if (found?.state !== "terminating") return undefined;
      await fleet.state.commit(termination(fleet, found, how));
      return found;
    },
    fleet.state.machine(id)?.poolName,
  );
  if (machine === undefined) return;
  for (const notes of [fleet.terminations, fleet.doubts, fleet.launchEndedAt, fleet.interruptions]) notes.delete(id);
  const tookMs = fleet.deps.clock.now() - machine.terminatingSince;
  const { poolName, reason } = machine;
  fleet.deps.logger.info({ machineId: id, poolName, reason, tookMs }, "terminated machine");
  nudge(fleet);
}

/** The writes that end a terminating machine's life. Commit them inside `decide`. */
export function termination(fleet: Fleet, machine: MachineIn<"terminating">, how: string): Change[] {
  const now = fleet.deps.clock.now();
  const costUsd = costUntil(machine, now, fleet.terminations.has(machine.id));
  return [
    { kind: "machine-moved", machine: terminatedFrom(machine, now, costUsd), from: "terminating" },
    eventOf(fleet, {
      machineId: machine.id,
      poolName: machine.poolName,
      what: "machine terminated",
      detail: `${machine.reason}; ${how}`,
    }),
  ];
}

function noteFailure(fleet: Fleet, machine: MachineIn<"terminating">, error: unknown): void {
  const { clock, random, logger } = fleet.deps;
  const failures = (fleet.terminations.get(machine.id)?.failures ?? 0) + 1;
  const boundMs = Math.min(RETRY_PAUSE_MAX_MS, RETRY_PAUSE_MS * 2 ** Math.min(failures - 1, 16));
  const pauseMs = Math.round(boundMs * (0.5 + random.fraction() / 2));
  fleet.terminations.set(machine.id, { failures, nextAt: clock.now() + pauseMs });
  logger.warn({ machineId: machine.id, failures, pauseMs, err: error }, "termination failed, will be tried again");
  // Perhaps there is nothing left to end: providers answer that in many ways, and only the list tells.
  lookSoon(fleet, machine.driver);
  nudge(fleet);
}
