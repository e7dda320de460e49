import type { Diagnostics } from "./diagnostics.ts";
import { suggestionFor } from "./suggest.ts";
import type { Yaml, YamlMap } from "./yaml.ts";

/** A value under the name that messages give it, e.g. `build.image`. */
export interface Field {
  readonly name: string;
  readonly line: number;
  readonly value: Yaml;
}

/** GitLab's bound on lists within a script's list. */
const MAX_SCRIPT_NESTING = 10;
/** Bounds what lists that share lists can grow to. */
const MAX_COMMANDS = 100_000;

/** The field of a mapping; undefined when it is not there or empty. */
export function fieldOf(map: YamlMap, mapName: string, key: string): Field | undefined {
  const entry = map.entries.get(key);
  if (entry === undefined || (entry.value.kind === "scalar" && entry.value.value === null)) return undefined;
  return { name: `${mapName}.${key}`, line: entry.line, value: entry.value };
}

/** Reports that a field breaks its rule. */
export function refuse(field: Field, rule: string, diagnostics: Diagnostics): undefined {
  diagnostics.error(field.line, `Expected \`${field.name}\` to be ${rule}, got ${showValue(field.value)}`);
  return undefined;
}

/** Writes a value for a message, short. */
export function showValue(value: Yaml): string {
  if (value.kind === "map") return "a mapping";
  if (value.kind === "list") return value.items.length === 0 ? "an empty list" : "a list";
  if (value.kind === "reference") return "a reference";
  const shown = value.value === null ? "nothing" : JSON.stringify(value.value);
  return shown.length > 80 ? `${shown.slice(0, 80)}…` : shown;
}

/** Any key of a mapping that is not known is an error, with a suggestion. */
export function refuseUnknownKeys(
  map: YamlMap,
  name: string,
  known: readonly string[],
  diagnostics: Diagnostics,
): void {
  for (const [key, { line }] of map.entries) {
    if (!known.includes(key)) {
      diagnostics.error(line, `Expected \`${name}\` to hold known keywords, got "${key}"${suggestionFor(key, known)}`);
    }
  }
}

/** A text that is not empty. */
export function readText(field: Field, diagnostics: Diagnostics): string | undefined {
  const { value } = field;
  if (value.kind === "scalar" && typeof value.value === "string" && value.value !== "") return value.value;
  return refuse(field, "a text", diagnostics);
}

/** A list of texts, which may be empty ones. */
export function readTexts(field: Field, diagnostics: Diagnostics): string[] | undefined {
  const { value } = field;
  const items = value.kind === "list" ? value.items : [];
  const texts = items.flatMap((item) => (item.kind === "scalar" && typeof item.value === "string" ? [item.value] : []));
  if (value.kind === "list" && texts.length === items.length) return texts;
  return refuse(field, "a list of texts", diagnostics);
}

/** One of a few words. */
export function readWord<const Words extends readonly string[]>(
  field: Field,
  words: Words,
  diagnostics: Diagnostics,
): Words[number] | undefined {
  const text = field.value.kind === "scalar" ? field.value.text : undefined;
  if (text !== undefined && words.includes(text)) return text;
  const hint = text === undefined ? "" : suggestionFor(text, words);
  diagnostics.error(
    field.line,
    `Expected \`${field.name}\` to be one of ${words.join(", ")}, got ${showValue(field.value)}${hint}`,
  );
  return undefined;
}

/** A script: one text, or lists of texts within lists, flattened. */
export function readCommands(field: Field, diagnostics: Diagnostics): string[] | undefined {
  const commands: string[] = [];
  let isRefused = false;
  const rule = `a text without NUL or a list of such, at most ${MAX_SCRIPT_NESTING} lists deep`;
  const collect = (value: Yaml, depth: number): void => {
    if (isRefused) return;
    if (value.kind === "scalar" && typeof value.value === "string" && !value.text.includes("\0"))
      commands.push(value.value);
    else if (value.kind === "list" && depth <= MAX_SCRIPT_NESTING)
      for (const item of value.items) collect(item, depth + 1);
    else {
      isRefused = true;
      refuse(
        { ...field, line: value.line, value },
        value.kind === "map" ? `${rule}; quote a command that holds ": "` : rule,
        diagnostics,
      );
    }
    if (commands.length > MAX_COMMANDS && !isRefused) {
      isRefused = true;
      refuse(field, `at most ${MAX_COMMANDS} commands`, diagnostics);
    }
  };
  collect(field.value, 0);
  return isRefused ? undefined : commands;
}
