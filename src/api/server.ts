import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import type { Clock } from "../ports/clock.ts";
import { createApp } from "./app.ts";
import type { AppDeps } from "./app.ts";
import { listenOnSocket } from "./socket.ts";
import { serveUpgrade } from "./upgrades.ts";

export interface ApiServerOptions extends AppDeps {
  /** Absolute, at most 107 bytes. */
  readonly socketPath: string;
}

/** How long a server that settles waits at the longest, for how long it must be quiet, and how often it looks. */
const SETTLE_MS = 3_000;
const QUIET_MS = 500;
const TICK_MS = 50;

export interface ApiServer {
  /** Resolves when no request has been open for half a second, or after three: front doors ask once more when their job has ended. */
  settle(clock: Pick<Clock, "sleep">): Promise<void>;
  /** Stops listening, cuts what is open, removes the socket. */
  close(): Promise<void>;
}

/**
 * Serves a manager over HTTP on a unix socket that only this user may open.
 * @throws ConflictError `socket-in-use` when a daemon answers there already; SystemError when the socket cannot be made.
 */
export async function startApiServer({ socketPath, ...deps }: ApiServerOptions): Promise<ApiServer> {
  const app = createApp(deps);
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  // An upload may take as long as it takes: who may open the socket is trusted with its time.
  const open = new Set<ServerResponse>();
  const server = createServer({ requestTimeout: 0 }, (incoming, outgoing) => {
    open.add(outgoing);
    outgoing.once("close", () => open.delete(outgoing));
    void listener(incoming, outgoing);
  });
  const upgraded = new Set<Duplex>();
  server.on("upgrade", (request, connection, head) => {
    upgraded.add(connection);
    connection.on("close", () => upgraded.delete(connection));
    void serveUpgrade(deps, request, connection, head);
  });
  await listenOnSocket(server, socketPath);

  return {
    async settle(clock) {
      for (let waitedMs = 0, quietMs = 0; waitedMs < SETTLE_MS && quietMs < QUIET_MS; waitedMs += TICK_MS) {
        await clock.sleep(TICK_MS);
        quietMs = open.size === 0 ? quietMs + TICK_MS : 0;
      }
    },
    async close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeAllConnections();
      for (const connection of upgraded) connection.destroy();
      await closed;
    },
  };
}
