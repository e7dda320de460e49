import { once } from "node:events";
import type { Duplex } from "node:stream";
import { createServer } from "node:tls";
import type { Server, TLSSocket } from "node:tls";
import { joinStreams } from "../../api/join.ts";
import type { Logger } from "../../ports/logger.ts";
import type { Identity } from "./certificates.ts";

/** How long a stranger may take over the handshake, in milliseconds. */
const HANDSHAKE_MS = 30_000;

export interface DoorOptions {
  readonly port: number;
  readonly caPem: string;
  readonly server: Identity;
  /**
   * Opens the engine that a client certificate is good for; undefined when it is good for none.
   * @param closed aborts when the client's connection has closed.
   */
  readonly open: (fingerprint: string, closed: AbortSignal) => Promise<Duplex> | undefined;
  readonly logger: Logger;
}

/** Where engines are spoken to, with the certificate of one machine for that machine alone. */
export interface Door {
  /** Stops listening and cuts what is open. */
  close(): Promise<void>;
}

/** Listens on 127.0.0.1 alone, with mutual TLS. Bytes go through as they come, in both directions, no faster than they are taken. */
export async function openDoor({ port, caPem, server: identity, open, logger }: DoorOptions): Promise<Door> {
  const sockets = new Set<TLSSocket>();
  const server = createServer({
    ...{ ca: caPem, cert: identity.certPem, key: identity.keyPem },
    ...{ requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.2", handshakeTimeout: HANDSHAKE_MS },
    // `docker run -i` ends its half when its input has ended, and goes on reading.
    allowHalfOpen: true,
    noDelay: true,
  });
  server.on("secureConnection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    void serve(socket, open, logger);
  });
  server.on("tlsClientError", (error) => logger.debug({ reason: error.message }, "refused a TLS client"));
  await listen(server, port);
  return {
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function serve(socket: TLSSocket, open: DoorOptions["open"], logger: Logger): Promise<void> {
  const closed = new AbortController();
  socket.once("close", () => closed.abort(new Error("the client went away")));
  try {
    const opening = open(socket.getPeerCertificate().fingerprint256, closed.signal);
    if (opening === undefined) return void socket.destroy();
    const engine = await opening;
    if (socket.destroyed) return void engine.destroy();
    joinStreams(socket, engine);
  } catch (error) {
    if (!closed.signal.aborted) logger.info({ err: error }, "could not open an engine for a docker client");
    socket.destroy();
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      server.on("error", () => undefined);
      resolve();
    });
  });
}
