import type { DatabaseSync } from "node:sqlite";
import type { EpochMs } from "../domain/ids.ts";
import type { Retention } from "./retention.ts";

const OWNERS = [
  ["machines", "machine_id"],
  ["leases", "lease_id"],
  ["jobs", "job_id"],
] as const;

/** Prepares the removal of what is over and older than the retention, with its events, inside the caller's transaction. */
export function preparePrune(database: DatabaseSync, retention: Retention): (now: EpochMs) => void {
  const owners = OWNERS.map(([table, column]) => ({
    // All is found in the index of ends: to look at the records themselves took some 50 ms, again and again under load.
    remove: database.prepare(
      `DELETE FROM ${table} WHERE seq IN (
         SELECT seq FROM ${table} WHERE ended_at < ?1 UNION ALL SELECT seq FROM (
           SELECT seq FROM ${table} WHERE ended_at IS NOT NULL ORDER BY ended_at DESC, seq DESC LIMIT -1 OFFSET ?2
         )
       ) RETURNING id`,
    ),
    detach: database.prepare(`UPDATE events SET ${column} = NULL WHERE ${column} = ?`),
  }));
  // An event may belong to a machine, a lease and a job; it goes with the last of them.
  const removeDetached = database.prepare(
    "DELETE FROM events WHERE machine_id IS NULL AND lease_id IS NULL AND job_id IS NULL",
  );
  return (now) => {
    for (const { remove, detach } of owners) {
      const rows = remove.all(now - retention.maxAgeMs, retention.maxRecords);
      for (const row of rows) detach.run(String(row["id"]));
    }
    removeDetached.run();
  };
}
