import { SystemError } from "../../../domain/errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import { SERIAL_RING, SERIAL_RING_BYTES } from "../command.ts";
import { lastWordsFrom } from "../errors.ts";
import type { QmpConnection } from "../qmp.ts";

/**
 * Waits until the guest's mayfly-wake says a word on the serial port. Answers all that was said.
 * @throws SystemError `golden-unusable` when it says that it failed, or when QEMU ends first.
 */
export async function untilSaid(
  word: "ready" | "awake",
  qemu: QmpConnection,
  pollMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<string> {
  let heard = "";
  let ended: string | undefined;
  void qemu.ended.then((detail) => {
    ended = detail;
  });
  for (;;) {
    const read = qemu.execute("ringbuf-read", { device: SERIAL_RING, size: SERIAL_RING_BYTES }, signal);
    heard += String(await read.catch((error: unknown) => endOf(error, ended, heard, signal)));
    if (heard.includes(`mayfly-wake: ${word}`)) return heard;
    const failure = /mayfly-wake: failed: .*/.exec(heard)?.[0];
    if (failure !== undefined) throw new SystemError("golden-unusable", `the guest said "${failure}"`);
    await clock.sleep(pollMs, signal);
  }
}

function endOf(error: unknown, ended: string | undefined, heard: string, signal: AbortSignal): never {
  signal.throwIfAborted();
  if (ended === undefined) throw error;
  throw new SystemError("golden-unusable", `${ended}; its console ended with: ${lastWordsFrom(heard)}`);
}
