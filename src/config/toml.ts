import { getStaticTOMLValue, ParseError, parseTOML } from "toml-eslint-parser";
import type { AST } from "toml-eslint-parser";
import { ConfigError } from "../domain/errors.ts";

/** A way into a document: keys of tables and indices of arrays. */
export type Path = readonly (string | number)[];

/** A parsed file that knows where each of its values stands. */
export interface TomlDocument {
  readonly value: Readonly<Record<string, unknown>>;
  /** The line, ≥ 1, on which this very key, table or element stands; undefined when the file does not hold it. */
  lineOf(path: Path): number | undefined;
}

/** Parses TOML 1.0. @throws ConfigError with one problem, at `file:line:column`, when it is not TOML. */
export function parseToml(text: string, fileName: string): TomlDocument {
  const program = parseProgram(text, fileName);
  const lines = new Map<string, number>();
  // A header names a whole path: each table on the way stands where it was first named.
  const record = (path: Path, line: number): void => {
    if (path.includes("__proto__")) throw protoError(fileName, line);
    for (let length = 1; length <= path.length; length += 1) {
      const key = keyOf(path.slice(0, length));
      if (!lines.has(key)) lines.set(key, line);
    }
  };
  for (const node of program.body[0].body) {
    if (node.type === "TOMLTable") {
      record(node.resolvedKey, node.loc.start.line);
      for (const entry of node.body) recordEntry(entry, node.resolvedKey, record);
    } else {
      recordEntry(node, [], record);
    }
  }
  return { value: getStaticTOMLValue(program), lineOf: (path) => lines.get(keyOf(path)) };
}

function parseProgram(text: string, fileName: string): AST.TOMLProgram {
  try {
    return parseTOML(text, { tomlVersion: "1.0" });
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const missing = missingValueLine(text, error);
    const place = `${fileName}:${missing ?? `${error.lineNumber}:${error.column + 1}`}`;
    const message = missing === undefined ? error.message : "Unspecified values are invalid";
    throw new ConfigError([{ place, message: `Expected TOML: ${message}` }], "config-not-toml");
  }
}

/** The parser reports `key =` without a value where it would have gone on, on a later line; answers the line of the key. */
function missingValueLine(text: string, { lineNumber, column }: ParseError): number | undefined {
  const lines = text.split("\n", lineNumber);
  if (lines[lineNumber - 1]?.slice(0, column).trim() !== "") return undefined;
  const index = lines.slice(0, -1).findLastIndex((line) => !/^\s*(?:#.*)?$/.test(line));
  return /=\s*(?:#.*)?$/.test(lines[index] ?? "") ? index + 1 : undefined;
}

/** An object cannot hold this key, so it would be dropped in silence. */
const protoError = (fileName: string, line: number): ConfigError =>
  new ConfigError([{ place: `${fileName}:${line}`, message: "Unknown key `__proto__`" }]);

type Recorder = (path: Path, line: number) => void;

function recordEntry(entry: AST.TOMLKeyValue, prefix: Path, record: Recorder): void {
  const keys = entry.key.keys.map((key) => (key.type === "TOMLBare" ? key.name : key.value));
  const path = [...prefix, ...keys];
  record(path, entry.loc.start.line);
  recordContent(entry.value, path, record);
}

function recordContent(node: AST.TOMLContentNode, path: Path, record: Recorder): void {
  if (node.type === "TOMLInlineTable") {
    for (const entry of node.body) recordEntry(entry, path, record);
  } else if (node.type === "TOMLArray") {
    for (const [index, element] of node.elements.entries()) {
      record([...path, index], element.loc.start.line);
      recordContent(element, [...path, index], record);
    }
  }
}

const keyOf = (path: Path): string => JSON.stringify(path);
