import { SystemError } from "../domain/errors.ts";
import type { JobId, LeaseId, MachineId } from "../domain/ids.ts";
import type { Job, JobSpec } from "../domain/job.ts";
import type { JobProgress } from "../domain/jobProgress.ts";
import type { Lease } from "../domain/lease.ts";
import type { Machine } from "../domain/machine.ts";
import type { PoolMode } from "../domain/pool.ts";
import type { MachineKeys } from "../ports/guest.ts";
import { KEPT_DECISIONS, KEPT_SHADOW_PERIODS } from "../ports/store.ts";
import type { Change, Store, StoredDecision, StoredShadowPeriod, TimelineEvent } from "../ports/store.ts";
import { DEFAULT_RETENTION } from "../store/retention.ts";
import { checkAdded, checkJob, checkLease, checkMoved } from "../store/rules.ts";

interface Tables {
  readonly machines: Map<MachineId, Machine>;
  readonly keys: Map<MachineId, MachineKeys>;
  readonly leases: Map<LeaseId, Lease>;
  readonly jobs: Map<JobId, Job>;
  readonly specs: Map<JobId, JobSpec>;
  readonly progress: Map<JobId, JobProgress>;
  readonly poolModes: Map<string, PoolMode>;
  readonly memories: Map<string, string>;
  /** Oldest first. */
  readonly decisions: Map<string, readonly StoredDecision[]>;
  /** By pool, then by shadow. */
  readonly shadowMemories: Map<string, ReadonlyMap<string, string>>;
  /** By pool and shadow; oldest first. */
  readonly shadowPeriods: Map<string, readonly StoredShadowPeriod[]>;
  readonly events: Map<string, TimelineEvent[]>;
}
type Undo = () => void;

/** Makes a store that forgets everything with the process, else with the semantics of the real one; it prunes by count alone. */
export function createMemoryStore(maxRecords: number = DEFAULT_RETENTION.maxRecords): Store {
  const tables: Tables = {
    machines: new Map(),
    keys: new Map(),
    leases: new Map(),
    jobs: new Map(),
    specs: new Map(),
    progress: new Map(),
    poolModes: new Map(),
    memories: new Map(),
    decisions: new Map(),
    shadowMemories: new Map(),
    shadowPeriods: new Map(),
    events: new Map(),
  };
  let isOpen = true;
  const values = <Value>(table: ReadonlyMap<unknown, Value>): Value[] => {
    if (!isOpen) throw new SystemError("store-closed", "The store is closed");
    return [...table.values()];
  };
  const get = <Id, Value>(table: ReadonlyMap<Id, Value>, id: Id): Value | undefined => {
    if (!isOpen) throw new SystemError("store-closed", "The store is closed");
    return table.get(id);
  };
  const recent = <Value>(table: ReadonlyMap<unknown, Value>, limit: number): Value[] =>
    values(table).reverse().slice(0, limit);

  return {
    async commit(changes) {
      if (!isOpen) throw new SystemError("store-closed", "The store is closed");
      const undos: Undo[] = [];
      try {
        for (const change of changes) applyChange(tables, change, undos);
      } catch (error) {
        for (const undo of undos.reverse()) undo();
        throw error;
      }
      pruneTables(tables, maxRecords);
    },
    liveMachines: async () => values(tables.machines).filter(({ state }) => state !== "terminated"),
    machine: async (id) => get(tables.machines, id),
    recentMachines: async (limit) => recent(tables.machines, limit),
    keysOf: async (id) => get(tables.keys, id),
    openLeases: async () => values(tables.leases).filter(({ state }) => state !== "ended"),
    lease: async (id) => get(tables.leases, id),
    recentLeases: async (limit) => recent(tables.leases, limit),
    openJobs: async () => values(tables.jobs).filter(({ state }) => state !== "ended"),
    job: async (id) => get(tables.jobs, id),
    jobSpec: async (id) => get(tables.specs, id),
    jobProgress: async (id) => get(tables.progress, id),
    recentJobs: async (limit) => recent(tables.jobs, limit),
    poolModes: async () => new Map(tables.poolModes),
    poolMemory: async (poolName) => get(tables.memories, poolName),
    decisionsOf: async (poolName, limit) =>
      (get(tables.decisions, poolName) ?? []).toReversed().slice(0, Math.max(0, limit)),
    shadowMemories: async (poolName) => get(tables.shadowMemories, poolName) ?? new Map(),
    shadowPeriods: async (poolName, name, limit) =>
      (get(tables.shadowPeriods, shadowKey(poolName, name)) ?? []).toReversed().slice(0, Math.max(0, limit)),
    eventsOf: async (id) => [...(get(tables.events, id) ?? [])],
    async close() {
      isOpen = false;
    },
  };
}

const shadowKey = (poolName: string, shadowName: string): string => `${poolName}/${shadowName}`;

/** Applies one change, and adds how to take it back, in order of doing. */
function applyChange(tables: Tables, change: Change, undos: Undo[]): void {
  const put = <Id, Value>(table: Map<Id, Value>, id: Id, value: Value | undefined): void => {
    const before = table.get(id);
    undos.push(() => set(table, id, before));
    set(table, id, value);
  };
  switch (change.kind) {
    case "machine-added":
      checkAdded(tables.machines.get(change.machine.id), change.machine);
      put(tables.machines, change.machine.id, change.machine);
      put(tables.keys, change.machine.id, change.keys);
      return;
    case "machine-moved": {
      const { machine, from } = change;
      checkMoved(tables.machines.get(machine.id), machine, from);
      put(tables.machines, machine.id, machine);
      if (machine.state === "terminated") put(tables.keys, machine.id, undefined);
      return;
    }
    case "lease":
      checkLease(tables.leases.get(change.lease.id), change.lease);
      put(tables.leases, change.lease.id, change.lease);
      return;
    case "job": {
      const { job, spec, progress } = change;
      checkJob(tables.jobs.get(job.id), job);
      put(tables.jobs, job.id, job);
      if (job.state === "ended") put(tables.specs, job.id, undefined);
      else if (spec !== undefined) put(tables.specs, job.id, spec);
      if (job.state !== "running") put(tables.progress, job.id, undefined);
      else if (progress !== undefined) put(tables.progress, job.id, progress);
      return;
    }
    case "pool-mode":
      put(tables.poolModes, change.poolName, change.mode === "open" ? undefined : change.mode);
      return;
    case "pool-memory":
      put(tables.memories, change.poolName, change.memory);
      return;
    case "level-decided": {
      const { decision } = change;
      const known = tables.decisions.get(decision.poolName) ?? [];
      put(tables.decisions, decision.poolName, [...known, decision].slice(-KEPT_DECISIONS));
      return;
    }
    case "shadow-recorded": {
      const { period } = change;
      const key = shadowKey(period.poolName, period.shadowName);
      const known = tables.shadowPeriods.get(key) ?? [];
      put(tables.shadowPeriods, key, [...known, period].slice(-KEPT_SHADOW_PERIODS));
      return;
    }
    case "shadow-memory": {
      const { poolName, shadowName, memory } = change;
      const others = [...(tables.shadowMemories.get(poolName) ?? [])].filter(([name]) => name !== shadowName);
      put(
        tables.shadowMemories,
        poolName,
        new Map(memory === undefined ? others : [...others, [shadowName, memory] as const]),
      );
      if (memory === undefined) put(tables.shadowPeriods, shadowKey(poolName, shadowName), undefined);
      return;
    }
    case "event": {
      const { event } = change;
      for (const id of [event.machineId, event.leaseId, event.jobId])
        if (id !== undefined) put(tables.events, id, [...(tables.events.get(id) ?? []), event]);
      return;
    }
  }
}

/** Sets a value, or removes it with `undefined`. Taking back a removal moves the row to the end, which no reader sees: only side tables lose rows. */
function set<Id, Value>(table: Map<Id, Value>, id: Id, value: Value | undefined): void {
  if (value === undefined) table.delete(id);
  else table.set(id, value);
}

function pruneTables(tables: Tables, maxRecords: number): void {
  const machines = drop(tables.machines, ({ state }) => state === "terminated", maxRecords);
  const leases = drop(tables.leases, ({ state }) => state === "ended", maxRecords);
  const jobs = drop(tables.jobs, ({ state }) => state === "ended", maxRecords);
  for (const id of [...machines, ...leases, ...jobs]) tables.events.delete(id);
}

function drop<Id, Value>(table: Map<Id, Value>, isOver: (value: Value) => boolean, maxRecords: number): Id[] {
  if (table.size <= maxRecords) return [];
  const over = [...table].filter(([, value]) => isOver(value)).map(([id]) => id);
  const surplus = over.slice(0, Math.max(0, over.length - maxRecords));
  for (const id of surplus) table.delete(id);
  return surplus;
}
