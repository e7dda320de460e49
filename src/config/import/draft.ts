import type { Origin } from "./notes.ts";

/** A value as TOML has it. */
export type TomlValue = string | number | boolean | readonly string[] | Readonly<Record<string, string>>;

/** One line of the file to come, and why it is so. */
export interface DraftLine {
  readonly key: string;
  readonly value: TomlValue;
  /** Where it came from, in a few words. */
  readonly why: string;
}

/** One table of the file to come. */
export interface DraftTable {
  /** E.g. `[pool.ec2]`; empty for the top level. */
  readonly header: string;
  /** A line before it, if any. */
  readonly comment?: string | undefined;
  readonly lines: readonly DraftLine[];
}

/** Names where a line came from: the place, and the key alone. */
export const fromSetting = ({ place, name }: Origin): string => `${place} ${name.split(".").at(-1) ?? name}`;

/** Writes the file. */
export function tomlFrom(tables: readonly DraftTable[]): string {
  return tables
    .filter(({ header, lines }) => header.startsWith("[[") || lines.length > 0)
    .map(({ header, comment, lines }) => {
      const texts = lines.map(({ key, value }) => `${key} = ${literal(value)}`);
      const width = Math.max(0, ...texts.map((text) => text.length).filter((length) => length < 60));
      const body = lines.map(({ why }, index) => `${(texts[index] ?? "").padEnd(width)}  # ${oneLine(why)}`);
      return [...(comment === undefined ? [] : [`# ${oneLine(comment)}`]), ...(header === "" ? [] : [header]), ...body]
        .map((line) => `${line}\n`)
        .join("");
    })
    .join("\n");
}

/** A comment ends with its line, and TOML allows no control characters in it. */
const oneLine = (text: string): string => text.replace(/\p{Cc}+/gu, " ");

function literal(value: TomlValue): string {
  if (typeof value === "string") return quoted(value);
  if (Array.isArray(value)) return `[${value.map(quoted).join(", ")}]`;
  if (typeof value !== "object") return String(value);
  const pairs = Object.entries(value).map(([key, text]) => `${quoted(key)} = ${quoted(text)}`);
  return pairs.length === 0 ? "{}" : `{ ${pairs.join(", ")} }`;
}

/** A JSON string is a basic string of TOML, but for DEL. */
const quoted = (text: string): string => JSON.stringify(text).replaceAll("\u007f", "\\u007F");
