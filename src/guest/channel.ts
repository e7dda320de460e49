import type { Client, ClientChannel } from "ssh2";
import { MachineLostError, TransientError } from "../domain/errors.ts";
import type { Channel } from "../ports/channel.ts";
import { remoteProcessFrom } from "./process.ts";
import { duplexFrom } from "./streams.ts";

type Opened = (error: Error | undefined, stream?: ClientChannel) => void;

/** Presents one authenticated ssh2 connection as the machine's channel. Owns the connection from now on. */
export function createChannel(client: Client): Channel {
  let why = "the machine closed the connection";
  let ended: string | undefined;
  // Every open stream listens for the connection's end.
  client.setMaxListeners(0);
  client.on("error", (error) => {
    why = `the connection to the machine broke: ${error.message}`;
  });
  const closed = new Promise<string>((resolve) => {
    client.once("close", () => {
      ended = why;
      resolve(why);
    });
  });

  const lostError = (): MachineLostError => new MachineLostError("channel-lost", `Lost the machine: ${ended ?? why}`);

  const onLost = (listener: (error: MachineLostError) => void): (() => void) => {
    const onClose = (): void => listener(lostError());
    client.once("close", onClose);
    return () => client.off("close", onClose);
  };

  /**
   * Opens one stream.
   * @param take listens to it at once: what a quick command says of its exit may have come together with its beginning.
   * @throws MachineLostError only when the connection is gone; TransientError when sshd refuses this one.
   */
  const open = <Taken>(
    what: string,
    start: (opened: Opened) => void,
    take: (stream: ClientChannel) => Taken,
    signal: AbortSignal,
  ): Promise<Taken> =>
    new Promise((resolve, reject) => {
      const onAbort = (): void => reject(signal.reason);
      const opened: Opened = (error, stream) => {
        signal.removeEventListener("abort", onAbort);
        if (stream === undefined) {
          const refused = new TransientError("channel-refused", `The machine refused ${what}: ${error?.message}`);
          reject(ended === undefined ? refused : lostError());
        } else if (signal.aborted) {
          stream.close();
          stream.resume();
          stream.stderr.resume();
        } else {
          resolve(take(stream));
        }
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        start(opened);
      } catch {
        // ssh2 throws when its socket is no longer writable, some time before it reports the close.
        signal.removeEventListener("abort", onAbort);
        reject(lostError());
      }
    });

  return {
    closed,
    async exec(command, { terminal }, signal) {
      const pty = terminal && { term: terminal.term, cols: terminal.columns, rows: terminal.rows };
      const start = (opened: Opened): unknown => client.exec(command, pty === undefined ? {} : { pty }, opened);
      return open("a command", start, (stream) => remoteProcessFrom(stream, onLost, signal), signal);
    },
    async forward(socketPath, signal) {
      const start = (opened: Opened): unknown => client.openssh_forwardOutStreamLocal(socketPath, opened);
      const socket = await open(`a stream to ${socketPath}`, start, duplexFrom, signal);
      // Whoever reads or writes sees the loss; nobody need listen for it before that.
      socket.on("error", () => {});
      const stopListening = onLost((error) => socket.destroy(error));
      const onAbort = (): void => void socket.destroy();
      signal.addEventListener("abort", onAbort, { once: true });
      socket.once("close", () => {
        stopListening();
        signal.removeEventListener("abort", onAbort);
      });
      return socket;
    },
    close() {
      why = "the manager closed the connection";
      client.destroy();
    },
  };
}
