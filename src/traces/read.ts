import { stat } from "node:fs/promises";
import { ConfigError } from "../domain/errors.ts";
import type { Arrivals } from "../planning/capacity/arrivals.ts";
import { collectRows } from "./collect.ts";
import { csvReaderFrom } from "./csv.ts";
import { createObjectSplitter, readJobObject } from "./json.ts";
import { linesOf, readText } from "./lines.ts";
import type { RowReader, TraceRow } from "./row.ts";
import { createSwfReader } from "./swf.ts";

/** A trace, read whole. */
export interface Trace {
  readonly arrivals: Arrivals;
  /** Lines that were no job with a machine: never started, or comments. */
  readonly dropped: number;
  /** Jobs whose duration the trace does not say and that got the default. */
  readonly withoutDuration: number;
}

/** How to read a trace. */
export interface ReadOptions {
  /** For jobs whose duration the trace does not say, in milliseconds. */
  readonly defaultDurationMs: number;
  /** How much of the file has been read, 0-1. */
  readonly onFraction: (fraction: number) => void;
}

/**
 * Reads arrivals of jobs, the first line deciding the format: CSV with a header (minute counts, GitLab's jobs, or anything
 * with a ready time), JSON as GitLab's jobs API gives it, or SWF. Needs memory for the jobs alone, however long the file.
 * @throws ConfigError that names the file and the line.
 */
export async function readTrace(file: string, options: ReadOptions, signal: AbortSignal): Promise<Trace> {
  const { size } = await stat(file).catch((error: Error) => fail(file, `Expected a file: ${error.message}`));
  // A pipe does not say how long it is.
  const text = readText(file, (bytes) => size > 0 && options.onFraction(bytes / size), signal);
  const rows = collectRows(options.defaultDurationMs);
  const add = (read: TraceRow | undefined | string, line: number): void => {
    const problem = typeof read === "string" ? read : rows.add(read);
    if (problem !== undefined) fail(`${file}:${line}`, problem);
  };
  const first = await text.next();
  const head = first.done === true ? "" : first.value;
  const whole = chain(head, text);
  if (/^\s*[[{]/.test(head)) await readObjects(file, whole, add);
  else await readLines(file, whole, add);
  if (rows.count() === 0) fail(file, "Expected at least one job, got none");
  return rows.finish();
}

async function* chain(head: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield head;
  yield* rest;
}

type Add = (read: TraceRow | undefined | string, line: number) => void;

async function readLines(file: string, text: AsyncIterable<string>, add: Add): Promise<void> {
  let read: RowReader<string> | undefined;
  let count = 0;
  for await (const lines of linesOf(file, text)) {
    for (const ended of lines) {
      count += 1;
      const line = ended.endsWith("\r") ? ended.slice(0, -1) : ended;
      if (line.trim() === "") continue;
      if (read !== undefined) add(read(line), count);
      else if (/^;|^\s*\d+\s+-?\d+\s/.test(line)) {
        read = createSwfReader();
        add(read(line), count);
      } else {
        const reader = csvReaderFrom(line);
        if (typeof reader === "string") fail(`${file}:${count}`, reader);
        else read = reader;
      }
    }
  }
}

async function readObjects(file: string, text: AsyncIterable<string>, add: Add): Promise<void> {
  const splitter = createObjectSplitter();
  for await (const piece of text) {
    for (const { text: object, line } of splitter.push(piece)) add(readJobObject(object), line);
    if (splitter.heldLength() > MAX_OBJECT_LENGTH)
      fail(`${file}:${splitter.line()}`, "Expected a job of at most 1 MiB");
  }
  if (splitter.heldLength() > 0) fail(`${file}:${splitter.line()}`, "Expected the job that begins here to end");
}

const MAX_OBJECT_LENGTH = 1 << 20;

function fail(place: string, message: string): never {
  throw new ConfigError([{ place, message }], "trace-invalid");
}
