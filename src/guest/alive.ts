import { text } from "node:stream/consumers";
import { MachineError, TransientError } from "../domain/errors.ts";
import type { Channel } from "../ports/channel.ts";

/** Where cloud-init/switch/mayfly-alive.socket listens. */
const SOCKET_PATH = "/run/mayfly-alive.sock";
/** What mayfly-alive@.service says once it has set the switch back; before it, whatever went wrong. */
const ANSWER = "alive";

/**
 * Sets a machine's dead-man's switch back. Measured under software emulation: 0.4 s, where `sudo systemctl restart` took 0.6 s.
 * @throws MachineError `switch-failed` when the machine has none or cannot; MachineLostError when the channel is gone.
 */
export async function setSwitchBack(channel: Channel, signal: AbortSignal, socketPath = SOCKET_PATH): Promise<void> {
  const stream = await channel.forward(socketPath, signal).catch((error: unknown) => {
    throw error instanceof TransientError ? failed(error.message) : error;
  });
  try {
    // Sent nothing, but told that nothing comes: sshd keeps half-open streams.
    stream.end();
    const answer = (await text(stream)).trim();
    if (answer !== ANSWER) throw failed(`it said "${answer}"`);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    stream.destroy();
  }
}

const failed = (problem: string): MachineError =>
  new MachineError("switch-failed", `The machine's dead-man's switch could not be set back: ${problem}`);
