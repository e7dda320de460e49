import { createHash } from "node:crypto";
import type { DesiredPool, GuestSettings } from "./pool.ts";
import type { MachineShape } from "./shape.ts";

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

const knownShapes = new WeakMap<MachineShape, WeakMap<GuestSettings, string>>();

/** Digests what machines of a pool are made from and how their inside is set up: a machine of another digest is to be replaced. */
export function shapeDigestOf({ shape, guest }: Pick<DesiredPool, "shape" | "guest">): string {
  const known = knownShapes.get(shape)?.get(guest);
  if (known !== undefined) return known;
  const ofShape = knownShapes.get(shape) ?? new WeakMap<GuestSettings, string>();
  const digested = digestOf([shape, guest]);
  knownShapes.set(shape, ofShape.set(guest, digested));
  return digested;
}

function digest(pool: DesiredPool, mayfly: string): string {
  const { shape, guest, orphanTimeoutMs, bootTimeoutMs, maxAgeMs, jobTimeoutMs } = pool;
  const parts = [mayfly, shape, guest, orphanTimeoutMs, bootTimeoutMs, maxAgeMs, jobTimeoutMs];
  return digestOf(parts);
}

const digestOf = (parts: readonly unknown[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
