import { TransientError } from "../../domain/errors.ts";
import type { EpochMs } from "../../domain/ids.ts";
import type { MachineIn } from "../../domain/machine.ts";
import { stoppedFrom, stoppingFrom } from "../../domain/moves.ts";
import { costUntil } from "../../planning/cost/bill.ts";
import type { Change } from "../../ports/store.ts";
import { callDriver } from "../provider/calls.ts";
import { eventOf, lookSoon, nudge } from "../fleet.ts";
import type { Fleet } from "../fleet.ts";
import { recordFact } from "../state/record.ts";
import { noteStopFailure, powerOf, retryPauseMs } from "./power.ts";
import { stopTask } from "../tasks.ts";
import { retireMachine } from "../terminate.ts";

/** The writes that record the intent to stop an idle machine, with the reason why. Commit them inside `decide`, then call `startStop`. */
export function stopChanges(fleet: Fleet, machine: MachineIn<"idle">, why: string): Change[] {
  const { id: machineId, poolName } = machine;
  const now = fleet.deps.clock.now();
  return [
    { kind: "machine-moved", machine: stoppingFrom(machine, now, costUntil(machine, now)), from: "idle" },
    eventOf(fleet, { machineId, poolName, what: "stop requested", detail: why }),
  ];
}

/** Asks the provider to stop a machine whose stop is stored. The loop bounds it; a list of the provider tells when it is done. */
export function startStop(fleet: Fleet, machine: MachineIn<"stopping">): void {
  fleet.tasks.start(stopTask(machine.id), (signal) => stopMachine(fleet, machine, signal));
}

async function stopMachine(fleet: Fleet, machine: MachineIn<"stopping">, signal: AbortSignal): Promise<void> {
  const { id, driver, providerId } = machine;
  await settle(fleet, machine, signal);
  fleet.guests.drop(id, `machine ${id} is being stopped`);
  // A list may show it as stopped though every answer was lost: from then on it may be started.
  for (let failures = 0; fleet.state.machine(id)?.state === "stopping"; failures += 1) {
    try {
      await callDriver(fleet, driver, "stop", signal, (one, bounded) => powerOf(one).stop([providerId], bounded));
      return lookSoon(fleet, driver);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof TransientError)) return refuse(fleet, machine, error);
      fleet.deps.logger.warn({ machineId: id, failures, err: error }, "stop failed, will be tried again");
    }
    await fleet.deps.clock.sleep(retryPauseMs(fleet, failures), signal);
  }
}

/** After a restart of the manager there is no channel to settle it over; the stop itself asks the machine's system to end in order. */
async function settle(fleet: Fleet, { id }: MachineIn<"stopping">, signal: AbortSignal): Promise<void> {
  const live = fleet.guests.get(id);
  if (live === undefined) return;
  try {
    await fleet.deps.guest.settle(live, signal);
  } catch (error) {
    signal.throwIfAborted();
    fleet.deps.logger.warn({ machineId: id, err: error }, "could not settle machine before its stop");
  }
}

async function refuse(fleet: Fleet, machine: MachineIn<"stopping">, error: unknown): Promise<void> {
  const detail = error instanceof Error ? error.message : String(error);
  noteStopFailure(fleet, machine, detail);
  await retireMachine(fleet, machine.id, "stop-failed", detail, ({ state }) => state === "stopping");
}

/** Records that the provider shows a machine as stopped, as of a list that was asked for at `at`. */
export async function noteStopped(
  fleet: Fleet,
  { id: machineId, poolName, stoppingSince }: MachineIn<"stopping">,
  at: EpochMs,
  signal: AbortSignal,
): Promise<void> {
  const tookMs = at - stoppingSince;
  const isStopped = await recordFact(fleet, signal, async () => {
    const found = fleet.state.machine(machineId);
    if (found?.state !== "stopping") return false;
    const now = fleet.deps.clock.now();
    await fleet.state.commit([
      { kind: "machine-moved", machine: stoppedFrom(found, now, costUntil(found, now)), from: "stopping" },
      eventOf(fleet, { machineId, poolName, what: "machine stopped", detail: `within ${Math.round(tookMs / 1000)} s` }),
    ]);
    return true;
  });
  if (!isStopped) return;
  fleet.tasks.abort(stopTask(machineId), () => new Error(`machine ${machineId} is stopped`));
  Object.assign(fleet.state.notes(poolName), { stopFailures: 0, stopProblem: "", stopsPausedUntil: 0 });
  fleet.doubts.delete(machineId);
  fleet.deps.logger.info({ machineId, poolName, tookMs }, "stopped machine");
  nudge(fleet);
}
