import { createServer, request } from "node:http";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

/** Stands before a registry and notes what is asked of it. */
export interface CountingRegistry {
  readonly port: number;
  /** `METHOD PATH`, in order; the calls to /v2/ itself are left out. */
  readonly asked: string[];
  /** Answers nobody any more. */
  stop(): Promise<void>;
}

/**
 * Puts one before the registry at a port of this host.
 * @param tls a key and its certificate, in PEM, to speak TLS. @default plain HTTP
 */
export async function startCounting(
  registryPort: number,
  tls?: { readonly key: string; readonly cert: string },
): Promise<CountingRegistry> {
  const asked: string[] = [];
  const listener: RequestListener = (incoming, outgoing) => {
    if (incoming.url !== "/v2/") asked.push(`${incoming.method} ${incoming.url}`);
    pass(incoming, outgoing, registryPort);
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function pass(incoming: IncomingMessage, outgoing: ServerResponse, port: number): void {
  const { method, url, headers } = incoming;
  const passed = request({ host: "127.0.0.1", port, method, path: url, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  passed.on("error", () => outgoing.destroy());
  incoming.pipe(passed);
}
