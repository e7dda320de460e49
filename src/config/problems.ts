import { closest, distance } from "fastest-levenshtein";
import type * as z from "zod";
import type { Problem } from "../domain/errors.ts";
import { KEYS_BY_TABLE } from "./schema.ts";
import type { Path } from "./toml.ts";

/** Where in the file something stands. */
export type PlaceOf = (path: Path) => string;

/** Turns the schema's findings into problems that name the key, the rule and the value; one a value. */
export function problemsFrom(issues: readonly z.core.$ZodIssue[], raw: unknown, placeOf: PlaceOf): Problem[] {
  const seen = new Set<string>();
  return issues.flatMap((issue) => {
    const path = issue.path.filter((key) => typeof key !== "symbol");
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({ place: placeOf([...path, key]), message: unknownKey(path, key) }));
    }
    const name = nameFrom(path);
    if (seen.has(JSON.stringify(path))) return [];
    seen.add(JSON.stringify(path));
    const message = `Expected \`${name}\` to be ${issue.message}, got ${showValue(valueAt(raw, path))}`;
    return [{ place: placeOf(path), message }];
  });
}

/** The name of a key as messages write it, e.g. `pool.idle_count`. */
const nameFrom = (path: Path): string => path.filter((key) => typeof key === "string").join(".");

/** The value at a path of a parsed document. */
export function valueAt(raw: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined),
    raw,
  );
}

/** The integer at a key of a table; undefined when there is none, or something else. */
export function integerAt(table: unknown, key: string): number | undefined {
  const value = valueAt(table, [key]);
  return Number.isInteger(value) ? (value as number) : undefined;
}

/** Writes a value for a message, short, and without the credentials that a URL may hold. */
function showValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value instanceof Date) return "a date";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "a table";
  if (typeof value === "string" && value.includes("@")) return "a value that holds @ (not shown: it may be a secret)";
  const shown = JSON.stringify(value);
  return shown.length > 100 ? `${shown.slice(0, 100)}…` : shown;
}

function unknownKey(path: Path, key: string): string {
  const table = tableFrom(path);
  const known = KEYS_BY_TABLE[table] ?? [];
  const unknown = `Unknown key \`${key}\` in ${table}`;
  const nearest = closest(key, known);
  if (distance(key, nearest) <= Math.max(2, Math.floor(key.length / 3)))
    return `${unknown}, did you mean \`${nearest}\`?`;
  const homes = Object.keys(KEYS_BY_TABLE).filter((other) => KEYS_BY_TABLE[other]?.includes(key));
  if (homes.length > 0) return `${unknown}: it belongs to ${homes.join(" or ")}`;
  return `${unknown}: known are ${known.join(", ")}`;
}

function tableFrom(path: Path): string {
  const name = nameFrom(path);
  if (name === "") return "the top level";
  return `[[${name}]]` in KEYS_BY_TABLE ? `[[${name}]]` : `[${name}]`;
}
