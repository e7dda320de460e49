import type { EpochMs, LeaseId, MachineId } from "../../domain/ids.ts";
import type { Lease, LeaseIn } from "../../domain/lease.ts";
import type { LiveMachine, Machine } from "../../domain/machine.ts";
import { stricterMode } from "../../domain/pool.ts";
import type { PoolMode } from "../../domain/pool.ts";
import type { Clock } from "../../ports/clock.ts";
import { ALL_POOLS } from "../../ports/store.ts";
import type { Change, Store } from "../../ports/store.ts";
import type { Broadcast } from "./broadcast.ts";
import { isStoreFailure } from "./record.ts";
import { createRecordIndex } from "./recordIndex.ts";
import { leaseAsLoaded, machineAsLoaded } from "./loaded.ts";

export type OpenLease = LeaseIn<"waiting"> | LeaseIn<"held">;

/** What the manager remembers of a pool beside its machines, for the time of this process. */
export interface PoolNotes {
  launchesPausedUntil: EpochMs;
  launchProblem: string;
  /** Launches refused in a row, those that went out together counted once. */
  refusals: number;
  /** When the last of them was counted. */
  refusedAt: EpochMs;
  /** Starts, and stops, that failed in a row, and when the next may be tried. */
  startFailures: number;
  startsPausedUntil: EpochMs;
  stopFailures: number;
  stopsPausedUntil: EpochMs;
  stopProblem: string;
  /** Why the pool is as it is, as of the last pass. */
  why: string;
  /** Why its leases wait, as of the last pass. */
  waitWhy: string;
}

/** The store's live records in memory. Every write goes to the store first; the single writer keeps both equal. */
export interface FleetState {
  /** Fills the state from the store. Stamps of the future, which a jumped clock left, are taken as `now`; open leases live anew. */
  load(now: EpochMs): Promise<void>;
  /** Writes changes, then shows them. @throws what the store throws; nothing is changed then. */
  commit(changes: readonly Change[]): Promise<void>;
  /** Why the last commit could not be written, in the store's words; empty when it was. */
  problem(): string;
  /** When the first of the commits failed that could not be written since. */
  problemSince(): EpochMs;
  /** Shows a lease's renewal without a write: a restart renews every lease anyway. */
  renew(lease: OpenLease): void;
  machine(id: MachineId): LiveMachine | undefined;
  /** Oldest first, as they are now: a list that was handed out never changes. */
  machines(poolName?: string): readonly LiveMachine[];
  machineCount(): number;
  /** Names of the pools that have machines, wished for or not. */
  poolsWithMachines(): Iterable<string>;
  lease(id: LeaseId): OpenLease | undefined;
  /** In order of arrival. */
  leases(poolName?: string): readonly OpenLease[];
  /** In order of arrival. */
  waiting(poolName: string): readonly LeaseIn<"waiting">[];
  waitingCount(poolName: string): number;
  firstWaiting(poolName: string): LeaseIn<"waiting"> | undefined;
  /** The stricter of the pool's own mode and the whole manager's. */
  mode(poolName: string): PoolMode;
  notes(poolName: string): PoolNotes;
}

/** Key under which news of a pool's `waitWhy` is broadcast. */
export const poolKey = (poolName: string): string => `pool:${poolName}`;
/** Key under which every change of a live record is broadcast. */
export const ANY_CHANGE = "any";

/** The records that a change takes the place of; absent where it is the first of its thing, or ended it before. */
export interface Before {
  readonly machine?: LiveMachine | undefined;
  readonly lease?: OpenLease | undefined;
}

/**
 * Creates the state over a store; `load` fills it.
 * @param learn told of each change that was committed, in its order, and of each open lease that was loaded. Must not throw.
 */
export function createFleetState(
  store: Store,
  changes: Broadcast,
  clock: Clock,
  learn: (change: Change, before: Before) => void = () => undefined,
): FleetState {
  const machines = createRecordIndex<MachineId, LiveMachine>();
  const leases = createRecordIndex<LeaseId, OpenLease>();
  const waiting = createRecordIndex<LeaseId, LeaseIn<"waiting">>();
  const modes = new Map<string, PoolMode>();
  const notes = new Map<string, PoolNotes>();
  let problem = "";
  let problemSince = 0;

  const keepMachine = (machine: Machine): void => {
    if (machine.state === "terminated") machines.remove(machine);
    else machines.put(machine);
  };
  const keepLease = (lease: Lease): void => {
    if (lease.state === "ended") leases.remove(lease);
    else leases.put(lease);
    if (lease.state === "waiting") waiting.put(lease);
    else waiting.remove(lease);
  };
  const keep = (change: Change): string | undefined => {
    switch (change.kind) {
      case "machine-added":
      case "machine-moved":
        keepMachine(change.machine);
        return change.machine.id;
      case "lease": {
        const known = leases.get(change.lease.id);
        // A renewal is no news for who waits: with a thousand in the queue, that would be half of all work.
        if (known !== change.lease) keepLease(change.lease);
        return known?.state === change.lease.state ? undefined : change.lease.id;
      }
      case "pool-mode":
        modes.set(change.poolName, change.mode);
        return undefined;
      case "job":
      case "pool-memory":
      case "level-decided":
      case "shadow-recorded":
      case "shadow-memory":
      case "event":
        return undefined;
    }
  };

  const beforeOf = (change: Change): Before => {
    if (change.kind === "machine-moved") return { machine: machines.get(change.machine.id) };
    return change.kind === "lease" ? { lease: leases.get(change.lease.id) } : {};
  };

  return {
    async load(now) {
      for (const [poolName, mode] of await store.poolModes()) modes.set(poolName, mode);
      for (const machine of await store.liveMachines()) keepMachine(machineAsLoaded(machine, now));
      for (const lease of (await store.openLeases()).map((one) => leaseAsLoaded(one, now))) {
        keepLease(lease);
        learn({ kind: "lease", lease }, {});
      }
    },
    async commit(batch) {
      try {
        await store.commit(batch);
        problem = "";
      } catch (error) {
        if (isStoreFailure(error)) {
          if (problem === "") problemSince = clock.now();
          problem = error instanceof Error ? error.message : String(error);
        }
        throw error;
      }
      // All of a commit shows at once: whoever is woken by one part of it sees the others.
      const ids = batch.map((change) => {
        const before = beforeOf(change);
        const id = keep(change);
        learn(change, before);
        return id;
      });
      for (const id of ids) if (id !== undefined) changes.notify(id);
      changes.notify(ANY_CHANGE);
    },
    problem: () => problem,
    problemSince: () => problemSince,
    renew: (lease) => {
      if (leases.get(lease.id) !== undefined) keepLease(lease);
    },
    machine: machines.get,
    machines: machines.list,
    machineCount: machines.count,
    poolsWithMachines: machines.pools,
    lease: leases.get,
    leases: leases.list,
    waiting: waiting.list,
    waitingCount: waiting.count,
    firstWaiting: waiting.first,
    mode: (poolName) => stricterMode(modes.get(poolName) ?? "open", modes.get(ALL_POOLS) ?? "open"),
    notes(poolName) {
      const known = notes.get(poolName) ?? emptyNotes();
      notes.set(poolName, known);
      return known;
    },
  };
}

const emptyNotes = (): PoolNotes => ({
  launchesPausedUntil: 0,
  launchProblem: "",
  refusals: 0,
  refusedAt: -1,
  startFailures: 0,
  startsPausedUntil: 0,
  stopFailures: 0,
  stopsPausedUntil: 0,
  stopProblem: "",
  why: "",
  waitWhy: "the first pass is still to come",
});
