import type { Socket } from "node:net";
import { errorFromSocket } from "./socketErrors.ts";

// An import would make every name of the module ready.
const { connect } = process.getBuiltinModule("node:net");

/** How often a daemon whose queue of connections is full is tried, and the pause between: for 10 s. Counted, as a clock has to be loaded, too. */
const BUSY_TRIES = 500;
const BUSY_PAUSE_MS = 20;

/**
 * Opens a connection to the daemon at a unix socket. While as many wait there to be accepted as its queue takes, which the kernel says at once
 * with EAGAIN (Source: connect(2)), it is tried again: nothing was sent.
 * @throws SystemError `no-daemon` and others as in errorFromSocket; TransientError `connection-lost` when the queue stays full for 10 s.
 */
export async function connectSocket(socketPath: string, signal: AbortSignal | undefined): Promise<Socket> {
  for (let tries = 1; ; tries += 1) {
    signal?.throwIfAborted();
    try {
      return await connectOnce(socketPath);
    } catch (error) {
      const isBusy = (error as NodeJS.ErrnoException).code === "EAGAIN";
      if (!isBusy || tries >= BUSY_TRIES) throw errorFromSocket(error, socketPath);
    }
    await process.getBuiltinModule("node:timers/promises").setTimeout(BUSY_PAUSE_MS);
  }
}

/** On a unix socket this takes no wait: it connects at once, or not. */
function connectOnce(socketPath: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const connection = connect(socketPath);
    connection.once("error", reject);
    connection.once("connect", () => {
      connection.off("error", reject);
      resolve(connection);
    });
  });
}
