import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import type { EpochMs, JobId, LeaseId, MachineId } from "../domain/ids.ts";
import type { Job, JobSpec } from "../domain/job.ts";
import type { JobProgress } from "../domain/jobProgress.ts";
import type { Lease } from "../domain/lease.ts";
import type { Machine } from "../domain/machine.ts";
import type { PoolMode } from "../domain/pool.ts";
import type { MachineKeys } from "../ports/guest.ts";
import type { TimelineEvent } from "../ports/store.ts";
import { preparePlannerTables } from "./plannerTables.ts";
import type { PlannerTables } from "./plannerTables.ts";
import { prepareShadowTables } from "./shadowTables.ts";
import type { ShadowTables } from "./shadowTables.ts";

/** Things that live and end, in their order of arrival. */
interface RecordTable<Id extends string, Value> {
  get(id: Id): Value | undefined;
  /** Inserts or replaces; a replaced record keeps its place. */
  put(id: Id, value: Value, endedAt: EpochMs | undefined): void;
  /** What has not ended, oldest first. */
  open(): Value[];
  /** Newest first. */
  recent(limit: number): Value[];
}

/** What lies beside a record, by the same id. */
interface SideTable<Id extends string, Value> {
  get(id: Id): Value | undefined;
  put(id: Id, value: Value): void;
  remove(id: Id): void;
}

/** How pools were steered; a pool that is `open` has no row. */
interface PoolModes {
  put(poolName: string, mode: PoolMode): void;
  all(): ReadonlyMap<string, PoolMode>;
}

/** All tables of a store, with their statements prepared. */
export interface Tables {
  readonly machines: RecordTable<MachineId, Machine>;
  readonly keys: SideTable<MachineId, MachineKeys>;
  readonly leases: RecordTable<LeaseId, Lease>;
  readonly jobs: RecordTable<JobId, Job>;
  readonly specs: SideTable<JobId, JobSpec>;
  readonly progress: SideTable<JobId, JobProgress>;
  readonly poolModes: PoolModes;
  readonly planner: PlannerTables;
  readonly shadows: ShadowTables;
  addEvent(event: TimelineEvent): void;
  /** Oldest first. */
  eventsOf(id: string): TimelineEvent[];
}

/** Prepares the statements of every table. */
export function prepareTables(database: DatabaseSync): Tables {
  const addEvent = database.prepare("INSERT INTO events (machine_id, lease_id, job_id, record) VALUES (?, ?, ?, ?)");
  const eventsOf = database.prepare(
    "SELECT record FROM events WHERE machine_id = ?1 OR lease_id = ?1 OR job_id = ?1 ORDER BY seq",
  );
  return {
    machines: recordTable(database, "machines"),
    keys: sideTable(database, "machine_keys"),
    leases: recordTable(database, "leases"),
    jobs: recordTable(database, "jobs"),
    specs: sideTable(database, "job_specs"),
    progress: sideTable(database, "job_progress"),
    poolModes: poolModes(database),
    planner: preparePlannerTables(database),
    shadows: prepareShadowTables(database),
    addEvent(event) {
      const { machineId = null, leaseId = null, jobId = null } = event;
      addEvent.run(machineId, leaseId, jobId, JSON.stringify(event));
    },
    eventsOf: (id) => allRecords(eventsOf, id),
  };
}

function recordTable<Id extends string, Value>(database: DatabaseSync, name: string): RecordTable<Id, Value> {
  const get = database.prepare(`SELECT record FROM ${name} WHERE id = ?`);
  const put = database.prepare(
    `INSERT INTO ${name} (id, ended_at, record) VALUES (?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, record = excluded.record`,
  );
  const open = database.prepare(`SELECT record FROM ${name} WHERE ended_at IS NULL ORDER BY seq`);
  const recent = database.prepare(`SELECT record FROM ${name} ORDER BY seq DESC LIMIT ?`);
  return {
    get: (id) => firstRecord(get, id),
    put(id, value, endedAt) {
      put.run(id, endedAt ?? null, JSON.stringify(value));
    },
    open: () => allRecords(open),
    recent: (limit) => allRecords(recent, limit),
  };
}

function sideTable<Id extends string, Value>(database: DatabaseSync, name: string): SideTable<Id, Value> {
  const get = database.prepare(`SELECT record FROM ${name} WHERE id = ?`);
  const put = database.prepare(`INSERT OR REPLACE INTO ${name} (id, record) VALUES (?, ?)`);
  const remove = database.prepare(`DELETE FROM ${name} WHERE id = ?`);
  return {
    get: (id) => firstRecord(get, id),
    put(id, value) {
      put.run(id, JSON.stringify(value));
    },
    remove(id) {
      remove.run(id);
    },
  };
}

function poolModes(database: DatabaseSync): PoolModes {
  const put = database.prepare("INSERT OR REPLACE INTO pool_modes (pool_name, mode) VALUES (?, ?)");
  const remove = database.prepare("DELETE FROM pool_modes WHERE pool_name = ?");
  const all = database.prepare("SELECT pool_name, mode FROM pool_modes");
  return {
    put(poolName, mode) {
      if (mode === "open") remove.run(poolName);
      else put.run(poolName, mode);
    },
    all: () => new Map(all.all().map((row) => [String(row["pool_name"]), String(row["mode"]) as PoolMode])),
  };
}

function firstRecord<Value>(statement: StatementSync, id: string): Value | undefined {
  const row = statement.get(id);
  return row === undefined ? undefined : (JSON.parse(String(row["record"])) as Value);
}

function allRecords<Value>(statement: StatementSync, ...parameters: SQLInputValue[]): Value[] {
  return statement.all(...parameters).map((row) => JSON.parse(String(row["record"])) as Value);
}
