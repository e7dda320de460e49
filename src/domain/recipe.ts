import { createHash } from "node:crypto";
import type { DesiredPool } from "./pool.ts";

const known = new WeakMap<DesiredPool, Map<string, string>>();

/**
 * Digests all that decides what a machine of a pool is like inside: its image and shape, its settings, its own deadlines, and the
 * mayfly that told it. A machine of another digest is not what would be launched now.
 */
export function recipeOf(pool: DesiredPool, mayfly: string): string {
  const recipes = known.get(pool) ?? new Map<string, string>();
  known.set(pool, recipes);
  const recipe = recipes.get(mayfly) ?? digest(pool, mayfly);
  recipes.set(mayfly, recipe);
  return recipe;
}

function digest(pool: DesiredPool, mayfly: string): string {
  const { shape, guest, orphanTimeoutMs, bootTimeoutMs, maxAgeMs, jobTimeoutMs } = pool;
  const parts = [mayfly, shape, guest, orphanTimeoutMs, bootTimeoutMs, maxAgeMs, jobTimeoutMs];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}
