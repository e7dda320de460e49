import { PassThrough, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { StringDecoder } from "node:string_decoder";
import type { RemoteProcess } from "../ports/channel.ts";
import { bodyFromError } from "./errors.ts";

/**
 * Gives a process its whole stdin, and answers what it says as lines of JSON, no faster than they are read:
 * `{"stdout":…}` and `{"stderr":…}` as text, then how it ended, or `{"error":…}`. Closes the process when nobody reads on.
 */
export async function* runLines(running: RemoteProcess, stdin: string): AsyncGenerator<Uint8Array> {
  const lines = new PassThrough();
  const carrying = carry(running, lines);
  // A process may close its stdin, or end, before all of it has come.
  running.stdin.on("error", () => undefined);
  running.stdin.end(stdin);
  try {
    yield* lines as AsyncIterable<Uint8Array>;
  } finally {
    running.close();
    lines.destroy();
    await carrying;
  }
}

/** Never rejects: what goes wrong is the last line. */
async function carry({ stdout, stderr, exited }: RemoteProcess, lines: PassThrough): Promise<void> {
  // When the machine is lost, all of these fail, and the exit alone says why.
  const outputs = [
    pipeline(stdout, linesOf("stdout"), lines, { end: false }),
    pipeline(stderr, linesOf("stderr"), lines, { end: false }),
  ].map((output) => output.catch(() => undefined));
  try {
    const [exit] = await Promise.all([exited, ...outputs]);
    lines.end(lineOf(exit));
  } catch (error) {
    lines.end(lineOf({ error: bodyFromError(error) }));
  }
}

/** A character whose bytes come in two parts is kept until it is whole. */
function linesOf(name: "stdout" | "stderr"): Transform {
  const decoder = new StringDecoder("utf8");
  const lineFrom = (text: string): string | undefined => (text === "" ? undefined : lineOf({ [name]: text }));
  return new Transform({
    transform: (bytes: Buffer, _encoding, done) => done(null, lineFrom(decoder.write(bytes))),
    flush: (done) => done(null, lineFrom(decoder.end())),
  });
}

const lineOf = (value: unknown): string => `${JSON.stringify(value)}\n`;
