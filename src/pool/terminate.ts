import { MachineError, TransientError } from "../domain/errors.ts";
import type { MachineId } from "../domain/ids.ts";
import type { LeaseOutcome } from "../domain/lease.ts";
import type { LiveMachine, MachineIn, RetireReason } from "../domain/machine.ts";
import { terminatedFrom, terminatingFrom } from "../domain/moves.ts";
import type { Change } from "../ports/store.ts";
import { withDeadline } from "./deadline.ts";
import { driverOf, eventOf, nudge } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import { bootTask, launchTask } from "./tasks.ts";

/** How long a provider may take over one terminate call. */
const TERMINATE_DEADLINE_MS = 60_000;
/** Pause before a failed termination is tried again; doubles with each failure up to the bound. */
const RETRY_PAUSE_MS = 2_000;
const RETRY_PAUSE_MAX_MS = 120_000;

/** Ends a machine for a reason; a lease on it ends as machine lost. Ended already is success; the first cause stays. */
export async function retireMachine(fleet: Fleet, id: MachineId, reason: RetireReason, detail: string): Promise<void> {
  const machine = await fleet.decide(async () => {
    const found = fleet.state.machine(id);
    if (found === undefined || found.state === "terminating") return undefined;
    const lost = found.state === "leased" ? lostLease(fleet, found, detail) : [];
    await fleet.state.commit([...retirement(fleet, found, reason, detail), ...lost]);
    return found;
  });
  if (machine !== undefined) afterRetirement(fleet, machine, reason, detail);
}

/** The writes that put a machine on its way out. Commit them inside `decide`, then call `afterRetirement`. */
export function retirement(fleet: Fleet, machine: LiveMachine, reason: RetireReason, detail: string): Change[] {
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
  for (const task of [launchTask(machineId), bootTask(machineId)])
    fleet.tasks.abort(task, new MachineError(reason, detail));
  startTermination(fleet, machineId);
}

function lostLease(fleet: Fleet, machine: MachineIn<"leased">, detail: string): Change[] {
  const lease = fleet.state.lease(machine.leaseId);
  if (lease?.state !== "held") return [];
  const outcome: LeaseOutcome = fleet.isClosing ? "shutdown" : "machine-lost";
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

/** Starts terminations anew whose last try failed and whose pause is over. */
export function retryTerminations(fleet: Fleet): void {
  const now = fleet.deps.clock.now();
  for (const machine of fleet.state.machines()) {
    if (machine.state !== "terminating") continue;
    if ((fleet.terminations.get(machine.id)?.nextAt ?? 0) <= now) startTermination(fleet, machine.id);
  }
}

async function terminateMachine(fleet: Fleet, id: MachineId, signal: AbortSignal): Promise<void> {
  // Its launch may still be on the way to the provider; what it brings forth is found by tag below.
  await fleet.tasks.settled(launchTask(id));
  const machine = fleet.state.machine(id);
  if (machine?.state !== "terminating") return;
  try {
    const late = new TransientError(
      "terminate-timeout",
      `no answer to the termination within ${TERMINATE_DEADLINE_MS / 1000} s`,
    );
    await withDeadline(fleet.deps.clock, TERMINATE_DEADLINE_MS, late, signal, (bounded) =>
      endInstances(fleet, machine, bounded),
    );
    await noteTerminated(fleet, machine);
  } catch (error) {
    if (!signal.aborted) noteFailure(fleet, machine, error);
  }
}

async function endInstances(fleet: Fleet, machine: MachineIn<"terminating">, signal: AbortSignal): Promise<void> {
  const driver = driverOf(fleet, machine.driver);
  if (machine.providerId !== undefined) return driver.terminate([machine.providerId], signal);
  const instances = await driver.list(signal);
  const ids = instances.filter((instance) => instance.machineId === machine.id).map((instance) => instance.providerId);
  if (ids.length > 0) await driver.terminate(ids, signal);
}

async function noteTerminated(fleet: Fleet, machine: MachineIn<"terminating">): Promise<void> {
  const now = fleet.deps.clock.now();
  await fleet.decide(() =>
    fleet.state.commit([
      { kind: "machine-moved", machine: terminatedFrom(machine, now), from: "terminating" },
      eventOf(fleet, {
        machineId: machine.id,
        poolName: machine.poolName,
        what: "machine terminated",
        detail: machine.reason,
      }),
    ]),
  );
  fleet.terminations.delete(machine.id);
  fleet.missingSince.delete(machine.id);
  const tookMs = now - machine.terminatingSince;
  fleet.deps.logger.info(
    { machineId: machine.id, poolName: machine.poolName, reason: machine.reason, tookMs },
    "terminated machine",
  );
  nudge(fleet);
}

function noteFailure(fleet: Fleet, machine: MachineIn<"terminating">, error: unknown): void {
  const failures = (fleet.terminations.get(machine.id)?.failures ?? 0) + 1;
  const pauseMs = Math.min(RETRY_PAUSE_MAX_MS, RETRY_PAUSE_MS * 2 ** (failures - 1));
  fleet.terminations.set(machine.id, { failures, nextAt: fleet.deps.clock.now() + pauseMs });
  fleet.deps.logger.warn(
    { machineId: machine.id, failures, pauseMs, err: error },
    "termination failed, will be tried again",
  );
}
