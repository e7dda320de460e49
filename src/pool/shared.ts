import type { MachineId } from "../domain/ids.ts";
import type { Machine } from "../domain/machine.ts";
import type { Instance } from "../ports/driver.ts";
import type { Fleet } from "./fleet.ts";

/** The record of a machine, live or long ended. */
export const recordOf = async (fleet: Fleet, id: MachineId): Promise<Machine | undefined> =>
  fleet.state.machine(id) ?? (await fleet.deps.store.machine(id));

/**
 * Tells of instances that were launched by one call which machine each one is: the one whose record has it, be that ended; else
 * one of the call that has none yet, those first that still wait for theirs. One that is left over after that keeps the first
 * machine of the call, whose record has another one: it is a stranger. All others stay as they are, and all in their order.
 * @param liveOf the record of a machine, as long as it lives.
 * @param endedOf the same of one that does not; asked where the live ones leave a doubt.
 */
export async function tellApart(
  instances: readonly Instance[],
  liveOf: (id: MachineId) => Machine | undefined,
  endedOf: (id: MachineId) => Promise<Machine | undefined>,
): Promise<readonly Instance[]> {
  const calls = Map.groupBy(instances, ({ sharedBy }) => sharedBy?.join() ?? "");
  calls.delete("");
  const machineIdOf = new Map<Instance, MachineId>();
  for (const ofCall of calls.values()) {
    const ids = ofCall[0]?.sharedBy ?? [];
    const live = ids.flatMap((id) => liveOf(id) ?? []);
    const owners = new Map(live.map((machine) => [providerIdOf(machine), machine.id]));
    if (ofCall.some(({ providerId }) => !owners.has(providerId)))
      for (const id of ids) {
        const ended = liveOf(id) === undefined ? await endedOf(id) : undefined;
        if (ended !== undefined) owners.set(providerIdOf(ended), ended.id);
      }
    const without = live.filter((machine) => providerIdOf(machine) === undefined);
    const free = [
      ...without.filter(({ state }) => state === "requested"),
      ...without.filter(({ state }) => state !== "requested"),
    ];
    for (const instance of ofCall)
      machineIdOf.set(instance, owners.get(instance.providerId) ?? free.shift()?.id ?? instance.machineId);
  }
  return instances.map((instance) => {
    const machineId = machineIdOf.get(instance);
    return machineId === undefined || machineId === instance.machineId ? instance : { ...instance, machineId };
  });
}

const providerIdOf = (machine: Machine): string | undefined =>
  machine.state === "requested" ? undefined : machine.providerId;
