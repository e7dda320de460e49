import * as z from "zod";
import { fileSchema } from "./schema.ts";

/** Puts in every default that the file leaves open, the ones that depend on the state directory too. Wrong values stay as they are. */
export function fillDefaults(raw: Readonly<Record<string, unknown>>, defaultStateDir: string): unknown {
  const { state_dir = defaultStateDir, api = {}, pool = [{ name: "default" }] } = raw;
  // A wrong directory is one problem, not two.
  const dir = typeof state_dir === "string" && state_dir.startsWith("/") ? state_dir : defaultStateDir;
  const socket = `${dir.replace(/\/$/, "")}/mayfly.sock`;
  const filled = fill(fileSchema, { ...raw, state_dir, pool, api: isTable(api) ? { socket, ...api } : api });
  return {
    ...(filled as object),
    pool: Array.isArray(pool) ? withoutForeign(filled, pool).map((one) => withoutChosen(one)) : pool,
  };
}

/** A pool of EC2 machines has nothing of [pool.qemu] but what its file says, and rules.ts refuses that. */
function withoutForeign(filled: unknown, raw: readonly unknown[]): unknown[] {
  const pools = (filled as { readonly pool: readonly unknown[] }).pool;
  return pools.map((pool, index) => {
    const written = raw[index];
    if (!isTable(pool) || pool["driver"] !== "ec2" || (isTable(written) && "qemu" in written)) return pool;
    const { qemu: _, ...rest } = pool;
    return rest;
  });
}

/** What [pool.target] chooses has no default; targetRules.ts refuses a file that sets it. */
function withoutChosen(pool: unknown): unknown {
  if (!isTable(pool) || pool["target"] === undefined) return pool;
  const { idle_count: _, ...rest } = pool;
  return rest;
}

function fill(schema: z.core.$ZodType, value: unknown): unknown {
  if (schema instanceof z.ZodPrefault) return fill(schema.def.innerType, value ?? schema.def.defaultValue);
  if (schema instanceof z.ZodOptional) return value === undefined ? undefined : fill(schema.def.innerType, value);
  if (schema instanceof z.ZodArray && Array.isArray(value)) return value.map((item) => fill(schema.element, item));
  if (!(schema instanceof z.ZodObject) || !isTable(value)) return value;
  const fields = schema.shape as Readonly<Record<string, z.core.$ZodType>>;
  const known = Object.entries(fields).flatMap(([key, field]) => {
    const filled = fill(field, value[key]);
    return filled === undefined ? [] : [[key, filled] as const];
  });
  const unknown = Object.entries(value).filter(([key]) => !Object.hasOwn(fields, key));
  return Object.fromEntries([...known, ...unknown]);
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
