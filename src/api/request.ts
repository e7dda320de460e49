import type { ClientRequest, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { SystemError } from "../domain/errors.ts";
import { errorFromBody } from "./errors.ts";
import type { ErrorBody } from "./errors.ts";
import { connectSocket } from "./connect.ts";
import { errorFromSocket } from "./socketErrors.ts";

export interface RequestOptions {
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens a request to the daemon at a unix socket; the caller writes its body and ends it. A connection of its own: cheap on a socket, and never
 * stale. For what is streamed: `askJson` costs a short command less. @throws as connectSocket does.
 */
export async function openRequest(socketPath: string, path: string, options: RequestOptions): Promise<ClientRequest> {
  const { method = "GET", headers = {}, signal } = options;
  const connection = await connectSocket(socketPath, signal);
  // Loaded when it is needed: it is half of what a short command would load of Node.
  const { request } = process.getBuiltinModule("node:http");
  const createConnection = (): Duplex => connection;
  return request({ path, method, headers, createConnection, ...(signal === undefined ? {} : { signal }) });
}

/** Waits for the response to a request, its body still to be read. @throws what the daemon answered, as it left there. */
export async function responseTo(
  request: ClientRequest,
  socketPath: string,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.once("response", resolve);
    request.on("error", (error) =>
      reject(signal?.aborted === true ? signal.reason : errorFromSocket(error, socketPath)),
    );
  });
  if (response.statusCode === 200) return response;
  throw errorFromBody((await readJson(response, socketPath, signal)) as ErrorBody);
}

/** Waits until the connection of a request speaks the protocol that was asked for. @throws what the daemon answered. */
export async function upgradeOf(
  request: ClientRequest,
  socketPath: string,
  signal: AbortSignal,
): Promise<{ readonly connection: Duplex; readonly head: Uint8Array }> {
  const upgraded = new Promise<{ connection: Duplex; head: Uint8Array }>((resolve) => {
    request.once("upgrade", (_response, connection, head) => resolve({ connection, head }));
  });
  request.end();
  const refused = responseTo(request, socketPath, signal).then(() => {
    throw new SystemError("no-upgrade", `what answers at ${socketPath} does not speak mayfly's protocol`);
  });
  return Promise.race([upgraded, refused]);
}

/** Reads a JSON body to its end. */
export async function readJson(
  response: IncomingMessage,
  socketPath: string,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const parts: Buffer[] = [];
  try {
    for await (const part of response) parts.push(part as Buffer);
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : errorFromSocket(error, socketPath);
  }
  const text = Buffer.concat(parts).toString();
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SystemError("not-mayfly", `what answers at ${socketPath} is not a mayfly daemon`, { cause });
  }
}
