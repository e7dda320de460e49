import type { DatabaseSync } from "node:sqlite";
import { KEPT_SHADOW_PERIODS } from "../ports/store.ts";
import type { StoredShadowPeriod } from "../ports/store.ts";

/** What is kept of shadows: one row of memory each, and their newest stretches. */
export interface ShadowTables {
  remember(poolName: string, shadowName: string, memory: string): void;
  /** Removes all of a shadow. */
  forget(poolName: string, shadowName: string): void;
  memoriesOf(poolName: string): ReadonlyMap<string, string>;
  /** Adds one, and removes those of the shadow that are too many. */
  addPeriod(period: StoredShadowPeriod): void;
  /** Newest first. */
  periodsOf(poolName: string, shadowName: string, limit: number): StoredShadowPeriod[];
}

/** Prepares the statements of both. */
export function prepareShadowTables(database: DatabaseSync): ShadowTables {
  const remember = database.prepare(
    "INSERT OR REPLACE INTO shadow_memories (pool_name, shadow_name, memory) VALUES (?, ?, ?)",
  );
  const memories = database.prepare("SELECT shadow_name, memory FROM shadow_memories WHERE pool_name = ?");
  const [forgetMemory, forgetPeriods] = ["shadow_memories", "shadow_periods"].map((table) =>
    database.prepare(`DELETE FROM ${table} WHERE pool_name = ? AND shadow_name = ?`),
  );
  const add = database.prepare("INSERT INTO shadow_periods (pool_name, shadow_name, at, record) VALUES (?, ?, ?, ?)");
  const removeOld = database.prepare(
    `DELETE FROM shadow_periods WHERE pool_name = ?1 AND shadow_name = ?2 AND seq <= (
       SELECT seq FROM shadow_periods WHERE pool_name = ?1 AND shadow_name = ?2 ORDER BY seq DESC LIMIT 1 OFFSET ?3
     )`,
  );
  const newest = database.prepare(
    "SELECT at, record FROM shadow_periods WHERE pool_name = ? AND shadow_name = ? ORDER BY seq DESC LIMIT ?",
  );
  return {
    remember(poolName, shadowName, memory) {
      remember.run(poolName, shadowName, memory);
    },
    forget(poolName, shadowName) {
      forgetMemory?.run(poolName, shadowName);
      forgetPeriods?.run(poolName, shadowName);
    },
    memoriesOf: (poolName) =>
      new Map(memories.all(poolName).map((row) => [String(row["shadow_name"]), String(row["memory"])])),
    addPeriod({ poolName, shadowName, at, record }) {
      add.run(poolName, shadowName, at, record);
      removeOld.run(poolName, shadowName, KEPT_SHADOW_PERIODS);
    },
    periodsOf: (poolName, shadowName, limit) =>
      newest
        .all(poolName, shadowName, limit)
        .map((row) => ({ poolName, shadowName, at: Number(row["at"]), record: String(row["record"]) })),
  };
}
