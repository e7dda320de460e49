import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from "yaml";
import type { Document, Node, Pair, Scalar } from "yaml";
import type { Diagnostics } from "./diagnostics.ts";

/** A value of a YAML file that remembers its line. */
export type Yaml = YamlMap | YamlList | YamlScalar | YamlReference;

export interface YamlMap {
  readonly kind: "map";
  readonly line: number;
  readonly entries: ReadonlyMap<string, YamlEntry>;
}

export interface YamlEntry {
  /** Where the key stands. */
  readonly line: number;
  readonly value: Yaml;
}

interface YamlList {
  readonly kind: "list";
  readonly line: number;
  readonly items: readonly Yaml[];
}

interface YamlScalar {
  readonly kind: "scalar";
  readonly line: number;
  readonly value: string | number | boolean | null;
  /** The value as GitLab turns it into text: `yes` is `true`, `012` is `10`, `1.0` stays `1.0`, nothing is empty. */
  readonly text: string;
}

/** GitLab's `!reference [job, keyword]`. */
interface YamlReference {
  readonly kind: "reference";
  readonly line: number;
  readonly path: readonly string[];
}

/** Aliases within aliases beyond this are an attack or a mistake. */
const MAX_DEPTH = 100;

/**
 * Reads the one document of a file, with anchors and merge keys resolved, as YAML 1.1, which is what GitLab reads.
 * All problems go to `diagnostics`; undefined when there is no mapping to go on with.
 */
export function parseYaml(text: string, diagnostics: Diagnostics): YamlMap | undefined {
  const lineCounter = new LineCounter();
  const lineAt = (offset: number): number => lineCounter.linePos(offset).line;
  const documents = parseAllDocuments(text, { version: "1.1", lineCounter, prettyErrors: false, logLevel: "silent" });
  const list = Array.isArray(documents) ? documents : [];
  for (const document of list) {
    for (const error of document.errors) diagnostics.error(lineAt(error.pos[0]), messageFrom(error, text));
  }
  const [document, second] = list;
  if (diagnostics.hasErrors()) return undefined;
  if (second !== undefined) {
    diagnostics.error(
      lineAt(second.range[0]),
      "Expected one YAML document (a `spec` header is not supported), got several",
    );
    return undefined;
  }
  if (document === undefined || !isMap(document.contents)) {
    const line = document?.contents?.range === undefined ? 1 : lineAt(document.contents?.range?.[0] ?? 0);
    diagnostics.error(line, `Expected the file to be a mapping of jobs, got ${kindOf(document?.contents)}`);
    return undefined;
  }
  const root = new Converter(document, lineAt, diagnostics).convert(document.contents, 0);
  return root.kind === "map" ? root : undefined;
}

function messageFrom(
  error: { readonly code: string; readonly message: string; readonly pos: [number, number] },
  text: string,
): string {
  if (error.code !== "DUPLICATE_KEY") return `Expected YAML: ${error.message}`;
  const key = /^[^:\n]*/.exec(text.slice(error.pos[0]))?.[0]?.trim() ?? "";
  return `Expected each key to stand once in its mapping, got \`${key}\` again`;
}

function kindOf(node: unknown): string {
  if (isSeq(node)) return "a list";
  return isScalar(node) && node.value !== null ? "a single value" : "nothing";
}

type Converted = Document.Parsed;

class Converter {
  readonly #document: Converted;
  readonly #lineAt: (offset: number) => number;
  readonly #diagnostics: Diagnostics;
  /** Each node is converted once, so that aliases of aliases cost nothing; undefined while it is under way. */
  readonly #converted = new Map<Node, Yaml | undefined>();

  constructor(document: Converted, lineAt: (offset: number) => number, diagnostics: Diagnostics) {
    this.#document = document;
    this.#lineAt = lineAt;
    this.#diagnostics = diagnostics;
  }

  convert(node: Node | null, depth: number): Yaml {
    if (node === null) return nothing(1);
    const line = this.#lineAt(node.range?.[0] ?? 0);
    if (depth > MAX_DEPTH) return this.#refuse(line, `Expected at most ${MAX_DEPTH} levels of nesting, got more`);
    if (isAlias(node)) return this.#alias(node.source, node.resolve(this.#document), line, depth);
    const known = this.#converted.get(node);
    if (known !== undefined) return known;
    this.#converted.set(node, undefined);
    const converted = this.#node(node, line, depth);
    this.#converted.set(node, converted);
    return converted;
  }

  #alias(name: string, target: Node | undefined, line: number, depth: number): Yaml {
    if (target === undefined) return this.#refuse(line, `Expected an anchor \`&${name}\` above, got none`);
    if (this.#converted.has(target) && this.#converted.get(target) === undefined) {
      return this.#refuse(line, `Expected \`*${name}\` to stand outside of its own anchor, got a cycle`);
    }
    return this.convert(target, depth + 1);
  }

  #node(node: Node, line: number, depth: number): Yaml {
    if (isSeq(node)) {
      const items = node.items.map((item) => this.convert(item as Node, depth + 1));
      if (node.tag !== "!reference") return { kind: "list", line, items };
      return { kind: "reference", line, path: items.map((item) => (item.kind === "scalar" ? item.text : "")) };
    }
    if (isMap(node)) return this.#map(node.items as Pair<Node, Node | null>[], line, depth);
    if (isScalar(node)) return scalarFrom(node, line);
    return this.#refuse(line, "Expected a mapping, a list or a value");
  }

  #map(pairs: readonly Pair<Node, Node | null>[], line: number, depth: number): YamlMap {
    const entries = new Map<string, YamlEntry>();
    const merged: YamlMap[] = [];
    for (const { key, value } of pairs) {
      const keyLine = this.#lineAt(key.range?.[0] ?? 0);
      if (!isScalar(key)) {
        this.#diagnostics.error(keyLine, `Expected a key to be plain text, got ${kindOf(key)}`);
      } else if (typeof key.value === "symbol") {
        merged.push(...this.#merge(this.convert(value, depth + 1), keyLine));
      } else {
        const converted = value === null ? nothing(keyLine) : this.convert(value, depth + 1);
        entries.set(key.source ?? String(key.value), { line: keyLine, value: converted });
      }
    }
    // What stands in the mapping itself wins over what it merges, and an earlier merge over a later one.
    for (const source of merged) {
      for (const [key, entry] of source.entries) if (!entries.has(key)) entries.set(key, entry);
    }
    return { kind: "map", line, entries };
  }

  #merge(value: Yaml, line: number): YamlMap[] {
    if (value.kind === "map") return [value];
    if (value.kind === "list") return value.items.flatMap((item) => this.#merge(item, line));
    this.#diagnostics.error(line, "Expected `<<` to merge a mapping or a list of mappings, got something else");
    return [];
  }

  #refuse(line: number, message: string): YamlScalar {
    this.#diagnostics.error(line, message);
    return nothing(line);
  }
}

function nothing(line: number): YamlScalar {
  return { kind: "scalar", line, value: null, text: "" };
}

function scalarFrom(node: Scalar, line: number): YamlScalar {
  const { value, source = "" } = node;
  const isPlain = node.type === "PLAIN";
  if (value === null || value === undefined) return nothing(line);
  // YAML 1.1 proper reads y and n as booleans; the reader that GitLab uses does not.
  if (typeof value === "boolean" && !/^[yn]$/i.test(source))
    return { kind: "scalar", line, value, text: String(value) };
  if (typeof value === "number" || typeof value === "bigint") {
    const isWholeFloat = typeof value === "number" && Number.isInteger(value) && /^[-+]?[\d_]*\.[\d_]*/.test(source);
    const text = isWholeFloat ? value.toFixed(1) : String(value);
    return { kind: "scalar", line, value: Number(value), text };
  }
  const text = typeof value === "string" ? value : isPlain ? source : String(value);
  return { kind: "scalar", line, value: text, text };
}
