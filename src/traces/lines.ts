import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { ConfigError } from "../domain/errors.ts";

/** A longer line is no line of a table, and must not fill the memory. In characters. */
const MAX_LINE_LENGTH = 1 << 20;

/** Says how many bytes of a file have been read. */
export type OnBytes = (readBytes: number) => unknown;

/** Reads a file's text piece by piece, unzipping what is gzipped. @throws ConfigError when it cannot be read. */
export async function* readText(file: string, onBytes: OnBytes, signal: AbortSignal): AsyncGenerator<string> {
  const source = createReadStream(file, { signal });
  const isZipped = file.endsWith(".gz");
  const decoder = new TextDecoder();
  try {
    const unzipped = isZipped ? createGunzip() : source;
    // Settles as the reading below does, which reports the same error.
    const moved =
      unzipped === source ? Promise.resolve() : pipeline(source, unzipped as ReturnType<typeof createGunzip>);
    moved.catch(() => undefined);
    for await (const bytes of unzipped as AsyncIterable<Uint8Array>) {
      onBytes(source.bytesRead);
      yield decoder.decode(bytes, { stream: true });
    }
    yield decoder.decode();
  } catch (error) {
    signal.throwIfAborted();
    const message = `Expected a trace to read${isZipped ? ", gzipped as its name says" : ""}: ${(error as Error).message}`;
    throw new ConfigError([{ place: file, message }], "trace-unreadable");
  } finally {
    source.destroy();
  }
}

/** Cuts text into lines without their ends. @throws ConfigError with the line's number for one beyond reason. */
export async function* linesOf(file: string, text: AsyncIterable<string>): AsyncGenerator<readonly string[]> {
  let rest = "";
  let count = 0;
  for await (const piece of text) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    count += lines.length;
    if (rest.length > MAX_LINE_LENGTH) {
      const message = `Expected a line of at most ${MAX_LINE_LENGTH} characters`;
      throw new ConfigError([{ place: `${file}:${count + 1}`, message }], "trace-invalid");
    }
    if (lines.length > 0) yield lines;
  }
  if (rest !== "") yield [rest];
}
