import { NotFoundError } from "../../domain/errors.ts";
import { SERIAL_RING, SERIAL_RING_BYTES } from "./command.ts";
import type { QemuContext } from "./context.ts";

/** Takes what the guest wrote to its serial port since the last call, at most the last 64 KiB. */
export async function readConsole(context: QemuContext, providerId: string, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  const connection = context.watcher.connectionOf(providerId);
  if (connection === undefined)
    throw new NotFoundError(
      "console-not-found",
      `instance ${providerId} has no console: it does not run, or is not ours`,
    );
  return String(await connection.execute("ringbuf-read", { device: SERIAL_RING, size: SERIAL_RING_BYTES }, signal));
}
