import type { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { ExecExit, RemoteProcess } from "../ports/channel.ts";

/** Where a command's streams come from and go to. */
export interface RunOptions {
  /** What the command reads. @default nothing */
  readonly stdin?: string | Uint8Array | Readable | undefined;
  /** Where its output goes, as it comes; it is not ended. @default into the result, as text */
  readonly stdout?: Writable | undefined;
  /** Where its errors go. @default into the result, as text */
  readonly stderr?: Writable | undefined;
  /** Closes the command's streams, so that the machine hangs up on it, and rejects. */
  readonly signal?: AbortSignal | undefined;
}

/** How a command ended, and what it said. */
export interface RunResult extends ExecExit {
  /** Empty when it went to a stream. */
  readonly stdout: string;
  readonly stderr: string;
}

/** Carries the streams of a process to its end. Throws as `HeldLease.run` says. */
export async function runToEnd(running: RemoteProcess, options: RunOptions): Promise<RunResult> {
  const { stdin = "", stdout, stderr } = options;
  const input = feed(running.stdin, stdin);
  const outputs = Promise.all([take(running.stdout, stdout), take(running.stderr, stderr)]);
  try {
    // When the machine is lost all of these fail, with the same. When a stream of the caller fails, that alone is to be told.
    const [[out, err], exit] = await Promise.all([outputs, running.exited]);
    return { ...exit, stdout: out, stderr: err };
  } finally {
    running.close();
    await input;
  }
}

/** A process may close its stdin, or end, before all of it has come. */
async function feed(target: Writable, source: string | Uint8Array | Readable): Promise<void> {
  const parts = typeof source === "string" || source instanceof Uint8Array ? [source] : source;
  await pipeline(parts, target).catch(() => undefined);
}

async function take(source: Readable, target: Writable | undefined): Promise<string> {
  if (target === undefined) return text(source);
  await pipeline(source, target, { end: false });
  return "";
}
