import { parseTOML } from "toml-eslint-parser";
import type { AST } from "toml-eslint-parser";

/** What a pool's file is to say. */
export interface PoolEdit {
  /** Plain keys of the pool's own table, with their values as TOML; undefined takes a key out. */
  readonly keys: Readonly<Record<string, string | undefined>>;
  /** Whole tables, as TOML without their headers' parents, that take the place of all tables of these headers. */
  readonly tables: Readonly<Record<string, readonly string[]>>;
}

/**
 * Changes what the file says of one pool, and nothing else: every other line, with comments and order, stays as it is. The text
 * must be TOML that mayfly takes. A pool that is written as an inline table is not edited.
 * @param index of the pool in the order of the file.
 * @returns the new text; undefined when the file has no [[pool]] table of that index.
 */
export function editPool(text: string, index: number, { keys, tables }: PoolEdit): string | undefined {
  const { body } = parseTOML(text, { tomlVersion: "1.0" }).body[0];
  const own = body.flatMap((node) => (node.type === "TOMLTable" ? [node] : [])).filter((table) => isOf(table, index));
  const pool = own.find(({ resolvedKey }) => resolvedKey.length === 2);
  if (pool === undefined) return undefined;
  const lines = text.split("\n");
  const dropped = new Set<number>();
  const replaced = new Map<number, string>();
  const entries = pool.body.map((entry) => ({ entry, name: nameOf(entry) }));
  const missing: string[] = [];
  for (const [key, value] of Object.entries(keys)) {
    const found = entries.find(({ name }) => name === key)?.entry;
    if (found === undefined) {
      if (value !== undefined) missing.push(`${key} = ${value}`);
    } else if (value === undefined) for (const line of linesOf(found)) dropped.add(line);
    else {
      const { start, end } = found.value.loc;
      for (const line of linesOf(found).slice(1)) dropped.add(line);
      const [first = "", last = ""] = [lines[start.line - 1], lines[end.line - 1]];
      replaced.set(start.line, `${first.slice(0, start.column)}${value}${last.slice(end.column)}`);
    }
  }
  const gone = own.filter(({ resolvedKey }) => String(resolvedKey[2]) in tables);
  for (const table of gone) {
    for (let line = table.loc.start.line; line <= endOf(table); line++) dropped.add(line);
    // An empty line that parted it from what came before goes with it.
    if ((lines[table.loc.start.line - 2] ?? "x").trim() === "") dropped.add(table.loc.start.line - 1);
  }
  const added = Object.entries(tables).flatMap(([, texts]) => texts.flatMap((table) => ["", ...table.split("\n")]));
  const after = endOf(pool);
  return lines
    .flatMap((line, at) => {
      const kept = dropped.has(at + 1) ? [] : [replaced.get(at + 1) ?? line];
      return at + 1 === after ? [...kept, ...missing, ...added] : kept;
    })
    .join("\n");
}

/** Tells whether a table is the pool itself, or below it. */
const isOf = ({ resolvedKey }: AST.TOMLTable, index: number): boolean =>
  resolvedKey[0] === "pool" && resolvedKey[1] === index;

/** The last line of a table's own; comments after it belong to what follows. */
const endOf = (table: AST.TOMLTable): number => table.body.at(-1)?.loc.end.line ?? table.loc.start.line;

const linesOf = ({ loc }: AST.TOMLKeyValue): number[] =>
  Array.from({ length: loc.end.line - loc.start.line + 1 }, (_, n) => loc.start.line + n);

function nameOf({ key }: AST.TOMLKeyValue): string {
  const [first] = key.keys;
  return key.keys.length !== 1 || first === undefined ? "" : first.type === "TOMLBare" ? first.name : first.value;
}
