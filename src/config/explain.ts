import { valueAt } from "./problems.ts";
import type { Path } from "./toml.ts";

/** One value of the effective config. */
export interface ConfigEntry {
  /** Keys and indices, e.g. `["pool", 0, "idle_count"]`. */
  readonly path: Path;
  /** As a file would write it. */
  readonly value: string | number | boolean;
  /** `file:line`, or `default`. */
  readonly origin: string;
}

/** Lists every value of a correct document that was filled with its defaults. */
export function entriesFrom(filled: unknown, originOf: (path: Path) => string): ConfigEntry[] {
  return walk(filled, [], originOf).filter(({ path }) => !isIdleTable(filled, path));
}

function walk(value: unknown, path: Path, originOf: (path: Path) => string): ConfigEntry[] {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return [{ path, value, origin: originOf(path) }];
  }
  if (Array.isArray(value)) return value.flatMap((item, index) => walk(item, [...path, index], originOf));
  if (typeof value !== "object" || value === null) return [];
  const fields = Object.entries(value);
  // A TOML writer must put plain values before tables.
  const ordered = [
    ...fields.filter(([, field]) => typeof field !== "object"),
    ...fields.filter(([, field]) => typeof field === "object"),
  ];
  return ordered.flatMap(([key, field]) => walk(field, [...path, key], originOf));
}

/** The settings of a driver that the pool does not use. */
function isIdleTable(filled: unknown, path: Path): boolean {
  return path[0] === "pool" && path[2] === "qemu" && valueAt(filled, [...path.slice(0, 2), "driver"]) !== "qemu";
}
