import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { ConflictError, SystemError } from "../../domain/errors.ts";
import type { Metrics } from "./metrics.ts";

/** Serves `/metrics` and nothing else to scrapers, in plain text over HTTP: nothing in it is secret, and nothing can be asked for. */
export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** @param at `port` 0 takes a free one. @throws ConflictError `port-in-use`; SystemError `port-unusable`. */
export async function serveMetrics(
  scrape: Metrics["scrape"],
  { host, port }: { readonly host: string; readonly port: number },
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    if (request.method !== "GET" || request.url?.split("?")[0] !== "/metrics") {
      response.writeHead(404, { "content-type": "text/plain" }).end("mayfly's metrics are at /metrics\n");
      return;
    }
    scrape().then(
      ({ type, text }) => response.writeHead(200, { "content-type": type }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const at = `metrics.listen ${host}:${port}`;
    if (code === "EADDRINUSE") throw new ConflictError("port-in-use", `${at} is in use by another program`);
    throw new SystemError("port-unusable", `cannot listen on ${at} (${code})`, { cause: error });
  }
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
