import type { DatabaseSync } from "node:sqlite";
import { SystemError } from "../domain/errors.ts";

/**
 * The steps from an empty file to the schema of this version; step N makes schema N + 1. Written once: a change of the
 * schema is a further step. `seq` is the order of arrival, `ended_at` is null while the thing lives.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE machines (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, ended_at INTEGER, record TEXT NOT NULL) STRICT;
  CREATE TABLE leases (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, ended_at INTEGER, record TEXT NOT NULL) STRICT;
  CREATE TABLE jobs (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, ended_at INTEGER, record TEXT NOT NULL) STRICT;
  CREATE INDEX machines_open ON machines (seq) WHERE ended_at IS NULL;
  CREATE INDEX leases_open ON leases (seq) WHERE ended_at IS NULL;
  CREATE INDEX jobs_open ON jobs (seq) WHERE ended_at IS NULL;
  CREATE INDEX machines_ended ON machines (ended_at) WHERE ended_at IS NOT NULL;
  CREATE INDEX leases_ended ON leases (ended_at) WHERE ended_at IS NOT NULL;
  CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;
  CREATE TABLE machine_keys (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;
  CREATE TABLE job_specs (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;
  CREATE TABLE events (
    seq INTEGER PRIMARY KEY, machine_id TEXT, lease_id TEXT, job_id TEXT, record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_of_machine ON events (machine_id) WHERE machine_id IS NOT NULL;
  CREATE INDEX events_of_lease ON events (lease_id) WHERE lease_id IS NOT NULL;
  CREATE INDEX events_of_job ON events (job_id) WHERE job_id IS NOT NULL;
  CREATE INDEX events_of_none ON events (seq) WHERE machine_id IS NULL AND lease_id IS NULL AND job_id IS NULL;
  `,
  "CREATE TABLE pool_modes (pool_name TEXT PRIMARY KEY, mode TEXT NOT NULL) STRICT;",
  "CREATE TABLE job_progress (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;",
  // One row: who opened the file last, for the line that an older mayfly refuses it with.
  "CREATE TABLE written_by (mayfly TEXT NOT NULL) STRICT;",
  // No table changes, but machines may be stopping, stopped or starting: an older mayfly would not know what to do with them.
  "SELECT 1;",
  `
  CREATE TABLE pool_memories (pool_name TEXT PRIMARY KEY, memory TEXT NOT NULL) STRICT;
  CREATE TABLE level_decisions (seq INTEGER PRIMARY KEY, pool_name TEXT NOT NULL, at INTEGER NOT NULL, record TEXT NOT NULL) STRICT;
  CREATE INDEX level_decisions_of_pool ON level_decisions (pool_name, seq);
  `,
  `
  CREATE TABLE shadow_memories (
    pool_name TEXT NOT NULL, shadow_name TEXT NOT NULL, memory TEXT NOT NULL, PRIMARY KEY (pool_name, shadow_name)
  ) STRICT;
  CREATE TABLE shadow_periods (
    seq INTEGER PRIMARY KEY, pool_name TEXT NOT NULL, shadow_name TEXT NOT NULL, at INTEGER NOT NULL, record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX shadow_periods_of_shadow ON shadow_periods (pool_name, shadow_name, seq);
  `,
];

/**
 * Brings the schema up to this version's, in one transaction.
 * @param writer this version of mayfly, for whoever cannot read the file later.
 * @throws SystemError `store-newer` when a later version of mayfly wrote the file; it is left as it is.
 */
export function migrate(database: DatabaseSync, path: string, writer: string): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    database.exec("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL) STRICT");
    const version = checkVersion(database, path, writer);
    for (const [index, sql] of MIGRATIONS.entries()) {
      if (index < version) continue;
      database.exec(sql);
      database.prepare("INSERT INTO schema_version (version) VALUES (?)").run(index + 1);
    }
    if (writerOf(database) !== writer) {
      database.exec("DELETE FROM written_by");
      database.prepare("INSERT INTO written_by (mayfly) VALUES (?)").run(writer);
    }
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** Answers the schema of a file. @throws SystemError `store-newer` when a later version of mayfly wrote it. */
export function checkVersion(database: DatabaseSync, path: string, reader: string): number {
  const row = database.prepare("SELECT max(version) AS version FROM schema_version").get();
  const version = Number(row?.["version"] ?? 0);
  if (version > MIGRATIONS.length) throw newerError(database, path, version, reader);
  return version;
}

function newerError(database: DatabaseSync, path: string, version: number, reader: string): SystemError {
  const writer = writerOf(database) ?? "a newer mayfly";
  const text = `${path} was written by ${writer} with schema ${version}, and ${reader} knows schemas up to ${MIGRATIONS.length}: run ${writer} or a later one here, or set another \`state_dir\``;
  return new SystemError("store-newer", text);
}

/** The mayfly that opened the file last; undefined when it did not say, or says it in a way that is not known here. */
function writerOf(database: DatabaseSync): string | undefined {
  try {
    const row = database.prepare("SELECT mayfly FROM written_by").get();
    return row === undefined ? undefined : String(row["mayfly"]);
  } catch {
    return undefined;
  }
}
