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
export function entriesFrom(value: unknown, originOf: (path: Path) => string, path: Path = []): ConfigEntry[] {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return [{ path, value, origin: originOf(path) }];
  }
  if (Array.isArray(value)) return value.flatMap((item, index) => entriesFrom(item, originOf, [...path, index]));
  if (typeof value !== "object" || value === null) return [];
  const fields = Object.entries(value);
  // A TOML writer must put plain values before tables.
  const ordered = [
    ...fields.filter(([, field]) => typeof field !== "object"),
    ...fields.filter(([, field]) => typeof field === "object"),
  ];
  return ordered.flatMap(([key, field]) => entriesFrom(field, originOf, [...path, key]));
}
