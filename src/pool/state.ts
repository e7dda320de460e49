import type { EpochMs, LeaseId, MachineId } from "../domain/ids.ts";
import type { Lease, LeaseIn } from "../domain/lease.ts";
import type { LiveMachine, Machine } from "../domain/machine.ts";
import type { Change, Store } from "../ports/store.ts";
import type { Broadcast } from "./broadcast.ts";

export type OpenLease = LeaseIn<"waiting"> | LeaseIn<"held">;

/** What the manager remembers of a pool beside its machines. */
export interface PoolNotes {
  isCordoned: boolean;
  isDraining: boolean;
  launchesPausedUntil: EpochMs;
  launchProblem: string;
  /** Launches refused in a row. */
  refusals: number;
  /** Why the pool is as it is, as of the last pass. */
  why: string;
  /** Why its leases wait, as of the last pass. */
  waitWhy: string;
}

/** The store's live records in memory. Every write goes to the store first; the single writer keeps both equal. */
export interface FleetState {
  load(): Promise<void>;
  commit(changes: readonly Change[]): Promise<void>;
  machine(id: MachineId): LiveMachine | undefined;
  /** Oldest first. */
  machines(poolName?: string): LiveMachine[];
  lease(id: LeaseId): OpenLease | undefined;
  /** In order of arrival. */
  leases(poolName?: string): OpenLease[];
  notes(poolName: string): PoolNotes;
}

/** Key under which news of a pool's `waitWhy` is broadcast. */
export const poolKey = (poolName: string): string => `pool:${poolName}`;
/** Key under which every change of a live record is broadcast. */
export const ANY_CHANGE = "any";

/** Creates the state over a store; `load` fills it. */
export function createFleetState(store: Store, changes: Broadcast): FleetState {
  const machines = new Map<MachineId, LiveMachine>();
  const leases = new Map<LeaseId, OpenLease>();
  const notes = new Map<string, PoolNotes>();

  const keepMachine = (machine: Machine): void => {
    if (machine.state === "terminated") machines.delete(machine.id);
    else machines.set(machine.id, machine);
  };
  const keepLease = (lease: Lease): void => {
    if (lease.state === "ended") leases.delete(lease.id);
    else leases.set(lease.id, lease);
  };
  const keep = (change: Change): string[] => {
    switch (change.kind) {
      case "machine-added":
      case "machine-moved":
        keepMachine(change.machine);
        return [change.machine.id];
      case "lease":
        keepLease(change.lease);
        return [change.lease.id];
      case "job":
      case "pool-mode":
      case "event":
        return [];
    }
  };

  return {
    async load() {
      for (const machine of await store.liveMachines()) keepMachine(machine);
      for (const lease of await store.openLeases()) keepLease(lease);
    },
    async commit(batch) {
      await store.commit(batch);
      for (const key of [...batch.flatMap(keep), ANY_CHANGE]) changes.notify(key);
    },
    machine: (id) => machines.get(id),
    machines: (poolName) => [...machines.values()].filter((m) => poolName === undefined || m.poolName === poolName),
    lease: (id) => leases.get(id),
    leases: (poolName) => [...leases.values()].filter((l) => poolName === undefined || l.poolName === poolName),
    notes(poolName) {
      const known = notes.get(poolName) ?? emptyNotes();
      notes.set(poolName, known);
      return known;
    },
  };
}

const emptyNotes = (): PoolNotes => ({
  isCordoned: false,
  isDraining: false,
  launchesPausedUntil: 0,
  launchProblem: "",
  refusals: 0,
  why: "",
  waitWhy: "the first pass is still to come",
});
