import { TransientError } from "../domain/errors.ts";
import type { LiveMachine } from "../domain/machine.ts";
import type { Driver, Instance } from "../ports/driver.ts";
import { withDeadline } from "./deadline.ts";
import { eventOf } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import { retireMachine } from "./terminate.ts";

/** A machine that lists have been without for so long is taken for gone; one list alone proves nothing. */
const MISSING_GRACE_MS = 30_000;
/** How long one list may take. */
const LIST_DEADLINE_MS = 30_000;

/** Compares what the providers list with what the store knows, and mends both ways. A failed list changes nothing. */
export async function reapFleet(fleet: Fleet, signal: AbortSignal): Promise<void> {
  for (const driver of fleet.deps.drivers.values()) {
    try {
      const late = new TransientError("list-timeout", `no list within ${LIST_DEADLINE_MS / 1000} s`);
      const instances = await withDeadline(fleet.deps.clock, LIST_DEADLINE_MS, late, signal, (s) => driver.list(s));
      await reapInstances(fleet, driver, instances, signal);
      await retireMissing(fleet, driver, instances);
    } catch (error) {
      if (signal.aborted) return;
      fleet.deps.logger.warn({ driver: driver.name, err: error }, "list failed, will be tried again");
    }
  }
}

/** Ends instances that bear our tag and that no live record knows. */
async function reapInstances(
  fleet: Fleet,
  driver: Driver,
  instances: readonly Instance[],
  signal: AbortSignal,
): Promise<void> {
  for (const { machineId, providerId, poolName } of instances) {
    if (fleet.state.machine(machineId) !== undefined) continue;
    await driver.terminate([providerId], signal);
    await fleet.state.commit([
      eventOf(fleet, { machineId, poolName, what: "instance reaped", detail: `${providerId} had no live record` }),
    ]);
    fleet.deps.logger.warn({ machineId, poolName, providerId }, "reaped instance");
  }
}

async function retireMissing(fleet: Fleet, driver: Driver, instances: readonly Instance[]): Promise<void> {
  const now = fleet.deps.clock.now();
  const listed = new Map(instances.map((instance) => [instance.providerId, instance]));
  for (const machine of fleet.state.machines().filter((m) => m.driver === driver.name)) {
    if (machine.state === "requested" || machine.state === "terminating") continue;
    const instance = listed.get(machine.providerId);
    if (instance !== undefined) fleet.missingSince.delete(machine.id);
    if (instance?.state === "stopped") await noteGone(fleet, machine, "the provider lists it as stopped");
    if (instance !== undefined) continue;
    const since = fleet.missingSince.get(machine.id) ?? now;
    fleet.missingSince.set(machine.id, since);
    if (now - since >= MISSING_GRACE_MS) await noteGone(fleet, machine, "the provider no longer lists it");
  }
}

const noteGone = (fleet: Fleet, machine: LiveMachine, detail: string): Promise<void> =>
  retireMachine(fleet, machine.id, "instance-gone", detail);
