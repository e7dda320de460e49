import type { LeaseId, MachineId } from "../../domain/ids.ts";
import type { Lease } from "../../domain/lease.ts";
import type { Machine } from "../../domain/machine.ts";
import type { Change, Store } from "../../ports/store.ts";
import { checkAdded, checkLease, checkMoved } from "../../store/rules.ts";

/** What an earlier manager left. */
export interface TracePast {
  /** What a pool's planner had learnt, by the pool's name. */
  readonly memories: ReadonlyMap<string, string>;
}

/**
 * Creates a store that lets go of machines and leases as soon as they are over, and remembers no events: a year of jobs fits into
 * the memory of a day. It holds to the rules of the real one.
 * @param onChange told of each change once it is kept.
 * @param past what it holds beforehand. @default nothing
 */
export function createForgetfulStore(onChange: (change: Change) => void, past?: TracePast): Store {
  const machines = new Map<MachineId, Machine>();
  const leases = new Map<LeaseId, Lease>();

  const keep = (change: Change): void => {
    if (change.kind === "machine-added") {
      checkAdded(machines.get(change.machine.id), change.machine);
      machines.set(change.machine.id, change.machine);
    } else if (change.kind === "machine-moved") {
      const { machine, from } = change;
      checkMoved(machines.get(machine.id), machine, from);
      if (machine.state === "terminated") machines.delete(machine.id);
      else machines.set(machine.id, machine);
    } else if (change.kind === "lease") {
      const { lease } = change;
      checkLease(leases.get(lease.id), lease);
      if (lease.state === "ended") leases.delete(lease.id);
      else leases.set(lease.id, lease);
    }
  };

  return {
    async commit(changes) {
      for (const change of changes) {
        keep(change);
        onChange(change);
      }
    },
    liveMachines: async () => [...machines.values()],
    machine: async (id) => machines.get(id),
    recentMachines: async (limit) => [...machines.values()].reverse().slice(0, limit),
    keysOf: async () => undefined,
    openLeases: async () => [...leases.values()],
    lease: async (id) => leases.get(id),
    recentLeases: async (limit) => [...leases.values()].reverse().slice(0, limit),
    openJobs: async () => [],
    job: async () => undefined,
    jobSpec: async () => undefined,
    jobProgress: async () => undefined,
    recentJobs: async () => [],
    poolModes: async () => new Map(),
    poolMemory: async (poolName) => past?.memories.get(poolName),
    decisionsOf: async () => [],
    shadowMemories: async () => new Map(),
    shadowPeriods: async () => [],
    eventsOf: async () => [],
    close: async () => undefined,
  };
}
