import type { Path } from "./toml.ts";

type Plain = string | number | boolean;

/** One value of the effective config; an array of plain values is one. */
export interface ConfigEntry {
  /** Keys and indices, e.g. `["pool", 0, "idle_count"]`. */
  readonly path: Path;
  /** As a file would write it. */
  readonly value: Plain | readonly Plain[];
  /** `file:line`, or `default`. */
  readonly origin: string;
}

/** Lists every value of a correct document that was filled with its defaults. */
export function entriesFrom(value: unknown, originOf: (path: Path) => string, path: Path = []): ConfigEntry[] {
  if (isPlain(value) || (Array.isArray(value) && value.every(isPlain))) {
    return [{ path, value, origin: originOf(path) }];
  }
  if (Array.isArray(value)) return value.flatMap((item, index) => entriesFrom(item, originOf, [...path, index]));
  if (typeof value !== "object" || value === null) return [];
  const fields = Object.entries(value);
  // A TOML writer must put plain values before tables.
  const ordered = [
    ...fields.filter(([, field]) => !hasTables(field)),
    ...fields.filter(([, field]) => hasTables(field)),
  ];
  return ordered.flatMap(([key, field]) => entriesFrom(field, originOf, [...path, key]));
}

const isPlain = (value: unknown): value is Plain => ["string", "number", "boolean"].includes(typeof value);

const hasTables = (field: unknown): boolean =>
  Array.isArray(field) ? !field.every(isPlain) : typeof field === "object" && field !== null;
