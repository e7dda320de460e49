import type { CommandContext } from "./context.ts";

/** Prints a value as JSON on stdout: indented for a person's terminal, one line elsewhere. */
export async function printJson({ stdout }: Pick<CommandContext, "stdout">, value: unknown): Promise<void> {
  await writeAll(stdout, `${JSON.stringify(value, null, stdout.isTTY ? 2 : undefined)}\n`);
}

/** Prints rows on stdout under a heading, without borders. Cells that are undefined show as `-`. */
export async function printTable(
  { stdout }: Pick<CommandContext, "stdout">,
  head: readonly string[],
  rows: readonly (readonly (string | number | undefined)[])[],
): Promise<void> {
  await writeAll(stdout, `${await tableFrom(head, rows)}\n`);
}

/** Prints the facts of one thing on stdout, a line each. Those that are undefined are left out. */
export async function printFields(
  { stdout }: Pick<CommandContext, "stdout">,
  fields: Readonly<Record<string, string | number | undefined>>,
): Promise<void> {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined && value !== "");
  const width = Math.max(...present.map(([name]) => name.length));
  await writeAll(stdout, present.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join(""));
}

/** Renders rows under a heading, without borders. */
export async function tableFrom(
  head: readonly string[],
  rows: readonly (readonly (string | number | undefined)[])[],
): Promise<string> {
  const { default: Table } = await import("cli-table3");
  const table = new Table({
    chars: Object.fromEntries(BORDERS.map((name) => [name, ""])),
    style: { "padding-left": 0, "padding-right": 2, head: [], border: [] },
    head: [...head],
  });
  table.push(...rows.map((row) => row.map((cell) => (cell === undefined || cell === "" ? "-" : String(cell)))));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** Writes to a stream and resolves once the bytes are on their way, so that a slow reader is waited for. @throws the stream's error. */
export function writeAll(stream: NodeJS.WritableStream, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(data, (error) => (error ? reject(error) : resolve()));
  });
}

const BORDERS = [
  ...["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"],
  ...["left", "left-mid", "mid", "mid-mid", "right", "right-mid", "middle"],
];
