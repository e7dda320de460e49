import { TransientError } from "../../domain/errors.ts";
import type { MachineIn } from "../../domain/machine.ts";
import { startingFrom } from "../../domain/moves.ts";
import { costUntil } from "../../planning/cost/bill.ts";
import type { Instance, StartSpec } from "../../ports/driver.ts";
import type { Change } from "../../ports/store.ts";
import { bringUp } from "../launch/boot.ts";
import { callDriver } from "../provider/calls.ts";
import { desiredPool, eventOf, guestSettingsOf } from "../fleet.ts";
import type { Fleet } from "../fleet.ts";
import { noteStartFailure, powerOf, retryPauseMs } from "./power.ts";
import { startTask } from "../tasks.ts";
import { retireMachine } from "../terminate.ts";

/** The writes that record the intent to start a stopped machine, with the reason why. Commit them inside `decide`, then call `startStart`. */
export function startChanges(fleet: Fleet, machine: MachineIn<"stopped">, why: string): Change[] {
  const { id: machineId, poolName } = machine;
  const now = fleet.deps.clock.now();
  return [
    { kind: "machine-moved", machine: startingFrom(machine, now, costUntil(machine, now)), from: "stopped" },
    eventOf(fleet, { machineId, poolName, what: "start requested", detail: why }),
  ];
}

/** Starts a machine whose start is stored, and brings it to idle. The loop's boot_timeout bounds it, counted from the intent. */
export function startStart(fleet: Fleet, machine: MachineIn<"starting">): void {
  fleet.tasks.start(startTask(machine.id), (signal) => startMachine(fleet, machine, signal));
}

async function startMachine(fleet: Fleet, machine: MachineIn<"starting">, signal: AbortSignal): Promise<void> {
  const { id: machineId, poolName, providerId } = machine;
  const isStill = ({ state }: { readonly state: string }): boolean => state === "starting";
  const keys = await fleet.deps.store.keysOf(machineId);
  const settings = guestSettingsOf(fleet, machine);
  const shape = desiredPool(fleet, poolName)?.shape;
  if (keys === undefined || settings === undefined || shape === undefined)
    return retireMachine(fleet, machineId, "left-over", "nothing tells how to reach it", isStill);
  let instance: Instance;
  try {
    instance = await askToStart(fleet, machine, { providerId, machineId, poolName, shape }, signal);
  } catch (error) {
    if (signal.aborted) return;
    const detail = error instanceof Error ? error.message : String(error);
    noteStartFailure(fleet, machine, detail);
    return retireMachine(fleet, machineId, "start-failed", detail, isStill);
  }
  Object.assign(fleet.state.notes(poolName), { startFailures: 0, startsPausedUntil: 0 });
  fleet.deps.logger.info({ machineId, poolName, providerId }, "started machine");
  await bringUp(fleet, machine, keys, settings, instance.address, signal);
}

/** Asks again while the failure may pass by itself. @throws what the driver throws; the signal's reason. */
async function askToStart(
  fleet: Fleet,
  { id, driver }: MachineIn<"starting">,
  spec: StartSpec,
  signal: AbortSignal,
): Promise<Instance> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await callDriver(fleet, driver, "start", signal, (one, bounded) => powerOf(one).start(spec, bounded));
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TransientError)) throw error;
      fleet.deps.logger.warn({ machineId: id, failures, err: error }, "start failed, will be tried again");
    }
    await fleet.deps.clock.sleep(retryPauseMs(fleet, failures), signal);
  }
}
