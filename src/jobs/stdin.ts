import { once } from "node:events";
import type { Writable } from "node:stream";

const SLICE_BYTES = 256 * 1024;

/** Writes bytes to a process's stdin slice by slice, waiting whenever it is full. Stops where the process stopped reading. */
export async function feed(stdin: Writable, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  for (let offset = 0; offset < bytes.length && stdin.writable; offset += SLICE_BYTES) {
    if (!stdin.write(bytes.subarray(offset, offset + SLICE_BYTES))) {
      await drained(stdin, signal);
    }
  }
}

async function drained(stdin: Writable, signal: AbortSignal): Promise<void> {
  const done = new AbortController();
  const options = { signal: AbortSignal.any([signal, done.signal]) };
  const waits = [once(stdin, "drain", options), once(stdin, "close", options)];
  for (const wait of waits) {
    wait.catch(() => undefined);
  }
  try {
    await Promise.race(waits);
  } catch (error) {
    signal.throwIfAborted();
    // Stdin broke: the process's outputs and its exit say why.
    if (stdin.writable) {
      throw error;
    }
  } finally {
    done.abort();
  }
}
