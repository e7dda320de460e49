import type { LeaseIn } from "../domain/lease.ts";
import type { LiveMachine, MachineIn } from "../domain/machine.ts";
import { leasableMachines } from "./observed.ts";

/** One lease and the idle machine that it gets. */
export interface Assignment {
  readonly lease: LeaseIn<"waiting">;
  readonly machine: MachineIn<"idle">;
}

/** Orders a queue: the higher priority first, equal ones by arrival. */
function queueOrder(leases: readonly LeaseIn<"waiting">[]): LeaseIn<"waiting">[] {
  return leases.toSorted((a, b) => b.priority - a.priority || a.createdAt - b.createdAt);
}

/**
 * Gives the longest idle machine to the first in the queue, and so on. Both lists are of one pool.
 * @param isOutdated tells machines that go last, since their pool makes others by now
 */
export function assignLeases(
  waiting: readonly LeaseIn<"waiting">[],
  machines: readonly LiveMachine[],
  isOutdated: (machine: LiveMachine) => boolean = () => false,
): readonly Assignment[] {
  const idle = leasableMachines(machines).toSorted((a, b) => Number(isOutdated(a)) - Number(isOutdated(b)));
  if (idle.length === 0) return [];
  return queueOrder(waiting)
    .slice(0, idle.length)
    .flatMap((lease, position) => {
      const machine = idle[position];
      return machine === undefined ? [] : [{ lease, machine }];
    });
}
