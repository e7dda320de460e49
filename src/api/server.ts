import { createServer, STATUS_CODES } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Server as TlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import type { Clock } from "../ports/clock.ts";
import { createApp } from "./app.ts";
import type { AppDeps } from "./app.ts";
import { listenOnSocket } from "./socket.ts";
import { createTlsServer, listenOnPort } from "./tcp.ts";
import type { TcpOptions } from "./tcp.ts";
import { createGuard } from "./token.ts";
import type { Guard } from "./token.ts";
import { serveUpgrade } from "./upgrades.ts";

export interface ApiServerOptions extends AppDeps {
  /** Absolute, at most 107 bytes. */
  readonly socketPath: string;
  /** Where it listens beside the socket. @default nowhere */
  readonly tcp?: TcpOptions | undefined;
}

/** How long a server that settles waits at the longest, for how long it must be quiet, and how often it looks. */
const SETTLE_MS = 3_000;
const QUIET_MS = 500;
const TICK_MS = 50;
/** An upload may take as long as it takes: whoever may ask is trusted with the server's time. */
const HTTP_OPTIONS = { requestTimeout: 0 };

export interface ApiServer {
  /** The port that it listens on beside the socket, if it does. */
  readonly port: number | undefined;
  /** Resolves when no request has been open for half a second, or after three: front doors ask once more when their job has ended. */
  settle(clock: Pick<Clock, "sleep">): Promise<void>;
  /** Stops listening, cuts what is open, removes the socket. */
  close(): Promise<void>;
}

/**
 * Serves a manager over HTTP on a unix socket that only this user may open and, when it is asked to, over TLS to whoever has
 * the token.
 * @throws ConflictError `socket-in-use` when a daemon answers there already, `port-in-use`; SystemError when the socket cannot be
 * made, or what TLS and the token need is not there.
 */
export async function startApiServer({ socketPath, tcp, ...deps }: ApiServerOptions): Promise<ApiServer> {
  const app = createApp(deps);
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const open = new Set<ServerResponse>();
  const upgraded = new Set<Duplex>();
  const servers: (Server | TlsServer)[] = [];

  const attend = (server: Server | TlsServer, guard: Guard): void => {
    servers.push(server);
    server.on("request", (incoming: IncomingMessage, outgoing: ServerResponse) => {
      open.add(outgoing);
      outgoing.once("close", () => open.delete(outgoing));
      if (guard(incoming)) void listener(incoming, outgoing);
      else outgoing.writeHead(UNAUTHORIZED, REFUSAL_HEADERS).end(REFUSAL);
    });
    server.on("upgrade", (request: IncomingMessage, connection: Duplex, head: Buffer) => {
      upgraded.add(connection);
      connection.on("close", () => upgraded.delete(connection));
      if (guard(request)) void serveUpgrade(deps, request, connection, head);
      else refuseUpgrade(connection);
    });
  };
  const close = async (): Promise<void> => {
    const closed = servers.map((server) => new Promise<void>((resolve) => void server.close(() => resolve())));
    for (const server of servers) server.closeAllConnections();
    for (const connection of upgraded) connection.destroy();
    await Promise.all(closed);
  };

  let port: number | undefined;
  try {
    const server = createServer(HTTP_OPTIONS);
    // Who may open the socket is who may ask.
    attend(server, () => true);
    await listenOnSocket(server, socketPath);
    if (tcp !== undefined) {
      const guard = await createGuard(tcp.tokenFile);
      const tlsServer = await createTlsServer(tcp, HTTP_OPTIONS);
      attend(tlsServer, guard);
      await listenOnPort(tlsServer, tcp);
      port = (tlsServer.address() as AddressInfo).port;
    }
  } catch (error) {
    await close();
    throw error;
  }

  return {
    port,
    async settle(clock) {
      for (let waitedMs = 0, quietMs = 0; waitedMs < SETTLE_MS && quietMs < QUIET_MS; waitedMs += TICK_MS) {
        await clock.sleep(TICK_MS);
        quietMs = open.size === 0 ? quietMs + TICK_MS : 0;
      }
    },
    close,
  };
}

const UNAUTHORIZED = 401;
const REFUSAL = JSON.stringify({
  kind: "config",
  code: "unauthorized",
  message: "Expected `Authorization: Bearer` with the token of api.token_file",
});
const REFUSAL_HEADERS = {
  "content-type": "application/json",
  "content-length": `${Buffer.byteLength(REFUSAL)}`,
  "www-authenticate": "Bearer",
  // Whatever else it was going to send is not read.
  connection: "close",
};

function refuseUpgrade(connection: Duplex): void {
  connection.on("error", () => undefined);
  const headers = Object.entries(REFUSAL_HEADERS).map(([name, value]) => `${name}: ${value}\r\n`);
  connection.end(`HTTP/1.1 ${UNAUTHORIZED} ${STATUS_CODES[UNAUTHORIZED]}\r\n${headers.join("")}\r\n${REFUSAL}`);
}
