import type { CommandContext } from "./context.ts";
import { tableFrom } from "./table.ts";
import type { Cell } from "./table.ts";

/** Prints a value as JSON on stdout: indented for a person's terminal, one line elsewhere. */
export async function printJson({ stdout }: Pick<CommandContext, "stdout">, value: unknown): Promise<void> {
  await writeAll(stdout, `${JSON.stringify(value, null, stdout.isTTY ? 2 : undefined)}\n`);
}

/** Prints rows on stdout under a heading, without borders. Cells that are undefined show as `-`. */
export async function printTable(
  { stdout }: Pick<CommandContext, "stdout">,
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
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

/** Writes to a stream and resolves once the bytes are on their way, so that a slow reader is waited for. @throws the stream's error. */
export function writeAll(stream: NodeJS.WritableStream, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(data, (error) => (error ? reject(error) : resolve()));
  });
}
