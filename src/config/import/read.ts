import type { Problem } from "../../domain/errors.ts";
import { valueAt } from "../problems.ts";
import type { Path, TomlDocument } from "../toml.ts";
import type { Origin } from "./notes.ts";

/** A value of the file with where it stands. */
export interface Read<Value> extends Origin {
  readonly value: Value;
}

/** An array of strings, each of which may stand on a line of its own. */
export interface ReadList extends Read<readonly string[]> {
  readonly places: readonly string[];
}

/** One table of the file. gitlab-runner reads keys without regard to case, and so does this. */
export interface Section extends Origin {
  text(key: string): Read<string> | undefined;
  /** An integer ≥ 0. */
  count(key: string): Read<number> | undefined;
  /** A number ≥ 0. */
  factor(key: string): Read<number> | undefined;
  flag(key: string): Read<boolean> | undefined;
  list(key: string): ReadList | undefined;
  section(key: string): Section | undefined;
  sections(key: string): readonly Section[];
  /** A key of any type, whose value is not wanted. */
  origin(key: string): Origin | undefined;
  /** Keys that nobody has asked for yet, in the order of the file. */
  unread(): readonly Origin[];
}

interface Source {
  readonly document: TomlDocument;
  readonly fileName: string;
  readonly problems: Problem[];
}

/** Opens the top level of a file. What has the wrong type is added to `problems`, without its value, which may be a secret. */
export const openFile = (source: Source): Section => sectionAt(source, []);

function sectionAt(source: Source, path: Path): Section {
  const { document, fileName, problems } = source;
  const found = valueAt(document.value, path);
  const table: Readonly<Record<string, unknown>> = isTable(found) ? found : {};
  const keyBySpelling = new Map(Object.keys(table).map((key) => [key.toLowerCase(), key]));
  const read = new Set<string>();
  const originOf = (key: string): Origin => ({
    place: placeOf(source, [...path, key]),
    name: [...path.filter((part) => typeof part === "string"), key].join("."),
  });
  const get = <Value>(key: string, kind: string, fits: (value: unknown) => value is Value): Read<Value> | undefined => {
    const spelt = keyBySpelling.get(key.toLowerCase());
    if (spelt === undefined) return undefined;
    read.add(spelt);
    const origin = originOf(spelt);
    const value = table[spelt];
    if (fits(value)) return { ...origin, value };
    const message = `Expected \`${origin.name}\` to be ${kind}, got ${typeName(value)}`;
    // What is asked for twice is one problem.
    const isKnown = problems.some((problem) => problem.place === origin.place && problem.message === message);
    if (!isKnown) problems.push({ place: origin.place, message });
    return undefined;
  };
  // A table that is opened twice remembers what was read of it.
  const opened = new Map<string, Section>();
  const inner = (at: Path): Section => {
    const section = opened.get(JSON.stringify(at)) ?? sectionAt(source, at);
    opened.set(JSON.stringify(at), section);
    return section;
  };
  const pathOf = (key: string): Path => [...path, keyBySpelling.get(key.toLowerCase()) ?? key];
  return {
    place: path.length === 0 ? fileName : placeOf(source, path),
    name: path.filter((part) => typeof part === "string").join("."),
    text: (key) => get(key, "a string", isText),
    count: (key) => get(key, "an integer from 0", isCount),
    factor: (key) => get(key, "a number from 0", isFactor),
    flag: (key) => get(key, "true or false", isFlag),
    list(key) {
      const found = get(key, "an array of strings", isList);
      return found && { ...found, places: found.value.map((_, index) => placeOf(source, [...pathOf(key), index])) };
    },
    section: (key) => (get(key, "a table", isTable) === undefined ? undefined : inner(pathOf(key))),
    sections(key) {
      const tables = get(key, "an array of tables", isTables)?.value ?? [];
      return tables.map((_, index) => inner([...pathOf(key), index]));
    },
    origin: (key) => get(key, "anything", (value): value is unknown => value !== undefined),
    unread: () => Object.keys(table).flatMap((key) => (read.has(key) ? [] : [originOf(key)])),
  };
}

function placeOf({ document, fileName }: Source, path: Path): string {
  for (let length = path.length; length > 0; length -= 1) {
    const line = document.lineOf(path.slice(0, length));
    if (line !== undefined) return `${fileName}:${line}`;
  }
  return fileName;
}

const isText = (value: unknown): value is string => typeof value === "string";
const isFlag = (value: unknown): value is boolean => typeof value === "boolean";
const isFactor = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value) && value >= 0;
const isCount = (value: unknown): value is number => isFactor(value) && Number.isSafeInteger(value);
const isList = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every(isText);
const isTable = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
const isTables = (value: unknown): value is readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) && value.every(isTable);

function typeName(value: unknown): string {
  if (Array.isArray(value)) return "an array of something else";
  if (value instanceof Date) return "a date";
  if (typeof value === "object") return "a table";
  if (typeof value === "number") return String(value);
  return typeof value === "string" ? "a string" : String(value);
}
