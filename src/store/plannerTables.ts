import type { DatabaseSync } from "node:sqlite";
import { KEPT_DECISIONS } from "../ports/store.ts";
import type { StoredDecision } from "../ports/store.ts";

/** What the planners of pools keep: one row of memory each, and their newest decisions. */
export interface PlannerTables {
  remember(poolName: string, memory: string): void;
  memoryOf(poolName: string): string | undefined;
  /** Adds one, and removes those of the pool that are too many. */
  addDecision(decision: StoredDecision): void;
  /** Newest first. */
  decisionsOf(poolName: string, limit: number): StoredDecision[];
}

/** Prepares the statements of both. */
export function preparePlannerTables(database: DatabaseSync): PlannerTables {
  const remember = database.prepare("INSERT OR REPLACE INTO pool_memories (pool_name, memory) VALUES (?, ?)");
  const memoryOf = database.prepare("SELECT memory FROM pool_memories WHERE pool_name = ?");
  const add = database.prepare("INSERT INTO level_decisions (pool_name, at, record) VALUES (?, ?, ?)");
  const removeOld = database.prepare(
    `DELETE FROM level_decisions WHERE pool_name = ?1 AND seq <= (
       SELECT seq FROM level_decisions WHERE pool_name = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2
     )`,
  );
  const newest = database.prepare(
    "SELECT at, record FROM level_decisions WHERE pool_name = ? ORDER BY seq DESC LIMIT ?",
  );
  return {
    remember(poolName, memory) {
      remember.run(poolName, memory);
    },
    memoryOf(poolName) {
      const row = memoryOf.get(poolName);
      return row === undefined ? undefined : String(row["memory"]);
    },
    addDecision({ poolName, at, record }) {
      add.run(poolName, at, record);
      removeOld.run(poolName, KEPT_DECISIONS);
    },
    decisionsOf: (poolName, limit) =>
      newest.all(poolName, limit).map((row) => ({ poolName, at: Number(row["at"]), record: String(row["record"]) })),
  };
}
