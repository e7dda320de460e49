import { Agent } from "node:http";
import type { Duplex } from "node:stream";
import type { Channel } from "../../ports/channel.ts";

/** Each container that is waited for holds one, and a job's services may be many. */
const MAX_SOCKETS = 64;
const MAX_IDLE_SOCKETS = 4;

/** An agent whose sockets are streams to the engine over the machine's one connection. */
export function createEngineAgent(channel: Pick<Channel, "forward">, socketPath: string): Agent {
  return new ForwardingAgent(channel, socketPath);
}

class ForwardingAgent extends Agent {
  readonly #channel: Pick<Channel, "forward">;
  readonly #socketPath: string;
  readonly #lifetime = new AbortController();

  constructor(channel: Pick<Channel, "forward">, socketPath: string) {
    super({ keepAlive: true, maxSockets: MAX_SOCKETS, maxFreeSockets: MAX_IDLE_SOCKETS, scheduling: "lifo" });
    this.#channel = channel;
    this.#socketPath = socketPath;
  }

  override createConnection(_options: object, done?: (error: Error | null, stream: Duplex) => void): undefined {
    this.#channel.forward(this.#socketPath, this.#lifetime.signal).then(
      (stream) => done?.(null, socketFrom(stream)),
      // Node calls back without a stream on errors; its types do not say so.
      (error: Error) => done?.(error, undefined as unknown as Duplex),
    );
  }

  override destroy(): void {
    this.#lifetime.abort();
    super.destroy();
  }
}

/** Gives a stream what Node's HTTP client asks of a TCP socket. Timeouts and keep-alive are the connection's own affair. */
function socketFrom(stream: Duplex): Duplex {
  // The engine's end of a stream is the end of the answer: without ours the machine's sshd would keep it half open.
  stream.once("end", () => stream.end());
  const self = (): Duplex => stream;
  const destroySoon = (): void => {
    stream.end(() => stream.destroy());
  };
  return Object.assign(stream, {
    ...{ setTimeout: self, setKeepAlive: self, setNoDelay: self, ref: self, unref: self },
    destroySoon,
  });
}
