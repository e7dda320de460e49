import { MachineLostError } from "../domain/errors.ts";
import type { RemoteProcess } from "../ports/channel.ts";
import type { Clock } from "../ports/clock.ts";
import { collectText } from "./collect.ts";
import { EndMarker } from "./endMarker.ts";
import { whenThereIsRoom } from "./room.ts";
import type { ScriptRun } from "./scriptHost.ts";
import { within } from "./waits.ts";

/** How long a process whose streams broke is given to say why. */
const EXIT_PATIENCE_MS = 1_000;

/** What comes from a supervisor or a follower, being copied. */
export interface ScriptStream {
  /** Resolves once the marker has passed, or the stream has ended without one; rejects as `drained` does. */
  readonly marked: Promise<void>;
  /** The exit code in the marker, once it has passed. */
  readonly exitCode: number | undefined;
  /** Resolves at the stream's end; rejects when it breaks, or the output does. */
  readonly drained: Promise<void>;
  /** Bytes that came, without the marker. */
  readonly takenBytes: number;
  /** Whether the output is being waited for. */
  readonly isWriting: boolean;
  /** What the process said on its stderr, once it has ended. */
  readonly complaint: Promise<string>;
  /** Lets go of the process, and of what was not taken yet. */
  close(): void;
}

/** Copies a script's output, with back-pressure, also that of a disk that is full, and looks for its end. */
export function copyScript(
  process: RemoteProcess,
  nonce: string,
  { output, signal }: Pick<ScriptRun, "output" | "signal">,
  clock: Clock,
): ScriptStream {
  const closing = new AbortController();
  const over = AbortSignal.any([signal, closing.signal]);
  const marker = new EndMarker(nonce);
  const marked = Promise.withResolvers<void>();
  let markedCode: number | undefined;
  let takenBytes = 0;
  let isWriting = false;
  const take = async (bytes: Uint8Array): Promise<void> => {
    if (bytes.length === 0) {
      return;
    }
    takenBytes += bytes.length;
    isWriting = true;
    await whenThereIsRoom(clock, over, () => output(bytes));
    isWriting = false;
  };
  const copy = async (): Promise<void> => {
    for await (const chunk of process.stdout) {
      const { bytes, exitCode } = marker.push(chunk as Uint8Array);
      await take(bytes);
      if (exitCode !== undefined) {
        markedCode = exitCode;
        marked.resolve();
      }
    }
    await take(marker.flush());
  };
  const drained = copy();
  drained.then(marked.resolve, marked.reject);
  for (const promise of [drained, marked.promise, process.exited]) {
    promise.catch(() => undefined);
  }
  // A process that ended early breaks its stdin; its outputs and its exit say why.
  process.stdin.on("error", () => undefined);
  return {
    marked: marked.promise,
    drained,
    get exitCode() {
      return markedCode;
    },
    get takenBytes() {
      return takenBytes;
    },
    get isWriting() {
      return isWriting;
    },
    complaint: collectText(process.stderr),
    close() {
      process.close();
      closing.abort();
    },
  };
}

/** A broken channel shows first as a broken stream; only the process's exit tells that the machine is lost. */
export async function firstCause(
  error: unknown,
  process: RemoteProcess,
  signal: AbortSignal,
  clock: Clock,
): Promise<unknown> {
  if (signal.aborted || error instanceof MachineLostError) {
    return error;
  }
  const exited = process.exited.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return (await within(clock, EXIT_PATIENCE_MS, exited)) ?? error;
}
