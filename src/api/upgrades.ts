import type { IncomingMessage } from "node:http";
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { ConfigError } from "../domain/errors.ts";
import { leaseIdFrom, machineIdFrom } from "../domain/ids.ts";
import type { Logger } from "../ports/logger.ts";
import type { Manager } from "../ports/manager.ts";
import { bodyFromError, ERROR_STATUS } from "./errors.ts";
import { serveExec } from "./execServer.ts";
import { joinStreams } from "./join.ts";
import { EXEC_PROTOCOL, FORWARD_PROTOCOL } from "./protocols.ts";

const EXEC_PATH = /^\/v1\/(machines|leases)\/([^/?]+)\/exec$/;
const ENGINE_PATH = /^\/v1\/leases\/([^/?]+)\/engine$/;

/** Serves a request that asks for another protocol on its connection. Never rejects. */
export async function serveUpgrade(
  { manager, logger }: { readonly manager: Manager; readonly logger: Logger },
  request: IncomingMessage,
  connection: Duplex,
  head: Uint8Array,
): Promise<void> {
  const gone = new AbortController();
  const abort = (): void => gone.abort(new Error("the client went away"));
  connection.on("error", () => undefined);
  connection.on("close", abort);
  const { url = "", headers } = request;
  const onBug = (err: unknown): void => logger.error({ err, url }, "request failed");

  try {
    const [, kind, execId = ""] = EXEC_PATH.exec(url) ?? [];
    const [, engineId] = ENGINE_PATH.exec(url) ?? [];
    if (kind !== undefined && headers.upgrade === EXEC_PROTOCOL) {
      const id = decodeURIComponent(execId);
      // In frames a stream ends without its connection: when that ends, so has the client.
      connection.on("end", abort);
      accept(connection, EXEC_PROTOCOL);
      const exec: Parameters<typeof serveExec>[2] = (...rest) =>
        kind === "machines"
          ? manager.execOnMachine(machineIdFrom(id), ...rest)
          : manager.execOnLease(leaseIdFrom(id), ...rest);
      await serveExec(connection, head, exec, gone.signal, onBug);
    } else if (engineId !== undefined && headers.upgrade === FORWARD_PROTOCOL) {
      const engine = await manager.forwardEngine(leaseIdFrom(decodeURIComponent(engineId)), gone.signal);
      accept(connection, FORWARD_PROTOCOL);
      if (head.length > 0) connection.unshift(head);
      joinStreams(connection, engine);
    } else {
      const message = `Expected a path and an upgrade that go together, got ${url} with ${headers.upgrade}`;
      throw new ConfigError([{ place: "request", message }], "unknown-upgrade");
    }
  } catch (error) {
    refuse(connection, error, onBug);
  }
}

function accept(connection: Duplex, protocol: string): void {
  connection.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`);
}

function refuse(connection: Duplex, error: unknown, onBug: (error: unknown) => void): void {
  const body = bodyFromError(error);
  if (body.kind === "bug" && !connection.destroyed) onBug(error);
  const status = ERROR_STATUS[body.kind];
  const json = JSON.stringify(body);
  const headers = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}\r\nConnection: close`;
  connection.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers}\r\n\r\n${json}`);
}
