import { createServer } from "node:http";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import { createApp } from "./app.ts";
import type { AppDeps } from "./app.ts";
import { listenOnSocket } from "./socket.ts";
import { serveUpgrade } from "./upgrades.ts";

export interface ApiServerOptions extends AppDeps {
  /** Absolute, at most 107 bytes. */
  readonly socketPath: string;
}

export interface ApiServer {
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
  const server = createServer({ requestTimeout: 0 }, (incoming, outgoing) => void listener(incoming, outgoing));
  const upgraded = new Set<Duplex>();
  server.on("upgrade", (request, connection, head) => {
    upgraded.add(connection);
    connection.on("close", () => upgraded.delete(connection));
    void serveUpgrade(deps, request, connection, head);
  });
  await listenOnSocket(server, socketPath);

  return {
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
