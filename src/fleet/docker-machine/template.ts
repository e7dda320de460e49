import { CallError } from "./errors.ts";

/** Renders one template for one value. */
export type Template = (data: unknown) => string;

const ACTION = /\{\{(- )?(.*?)( -)?\}\}/gs;
const FIELD = /^\.(?:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)?$/;
const STRING = /^(?:"(?:[^"\\]|\\.)*"|`[^`]*`)$/s;
const WRITERS: Readonly<Record<string, (value: unknown) => string>> = {
  json: (value) => JSON.stringify(value),
  prettyjson: (value) => JSON.stringify(value, undefined, 4),
};

/**
 * Reads a template as `--format` takes it: Go's, of which there are fields (`{{.Driver.IPAddress}}`), `json` and `prettyjson`
 * before a field or behind a pipe, strings, and the dashes that trim space.
 * @throws CallError, which names it, for any other construct, and when rendered for a field that is not there.
 */
export function parseTemplate(text: string): Template {
  const parts: ((data: unknown) => string)[] = [];
  let position = 0;
  let trims = false;
  const addText = (end: number, trimsEnd: boolean): void => {
    let plain = text.slice(position, end);
    if (plain.includes("{{")) throw new CallError("template parsing error: unclosed action");
    if (trims) plain = plain.trimStart();
    if (trimsEnd) plain = plain.trimEnd();
    parts.push(() => plain);
  };
  for (const match of text.matchAll(ACTION)) {
    const [all, left, action = "", right] = match;
    addText(match.index, left !== undefined);
    parts.push(actionFrom(action.trim()));
    position = match.index + all.length;
    trims = right !== undefined;
  }
  addText(text.length, false);
  return (data) => parts.map((part) => part(data)).join("");
}

function actionFrom(action: string): (data: unknown) => string {
  if (action.startsWith("/*") && action.endsWith("*/")) return () => "";
  if (STRING.test(action)) {
    const value = stringFrom(action);
    return () => value;
  }
  const [first = "", ...pipes] = STRING.test(action) ? [action] : action.split("|").map((part) => part.trim());
  const words = first.split(/\s+/);
  const path = words.at(-1) ?? "";
  const writers = [...words.slice(0, -1), ...pipes];
  if (
    !FIELD.test(path) ||
    words.length > 2 ||
    writers.length > 1 ||
    writers.some((name) => !Object.hasOwn(WRITERS, name))
  ) {
    const known = "a field like .Driver.IPAddress, json and prettyjson of one, and strings";
    throw new CallError(`template parsing error: cannot do {{${action}}}: mayfly knows ${known}`);
  }
  const write = WRITERS[writers[0] ?? ""] ?? plainFrom(action);
  return (data) => write(fieldOf(data, path));
}

function stringFrom(literal: string): string {
  if (literal.startsWith("`")) return literal.slice(1, -1);
  try {
    return JSON.parse(literal) as string;
  } catch {
    throw new CallError(`template parsing error: cannot read the string ${literal}`);
  }
}

function fieldOf(data: unknown, path: string): unknown {
  return path
    .split(".")
    .filter((name) => name !== "")
    .reduce<unknown>((value, name) => {
      if (typeof value === "object" && value !== null && Object.hasOwn(value, name)) return Reflect.get(value, name);
      throw new CallError(`template: can't evaluate field ${name} in {{${path}}}`);
    }, data);
}

/** As Go prints what is no struct. */
function plainFrom(action: string): (value: unknown) => string {
  return (value) => {
    if (value === null || value === undefined) return "<no value>";
    if (Array.isArray(value) && value.every((one) => typeof one !== "object")) return `[${value.join(" ")}]`;
    if (typeof value !== "object") return String(value);
    throw new CallError(`template: {{${action}}} is more than one value; use {{json ${action}}}`);
  };
}
