import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { Server, ServerOptions } from "node:https";
import { ConflictError, SystemError } from "../domain/errors.ts";

/** Where and how a server listens for other hosts. */
export interface TcpOptions {
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  /** The chain and the private key, in PEM. */
  readonly certFile: string;
  readonly keyFile: string;
  /** Holds the token that every request must carry. */
  readonly tokenFile: string;
}

/** Makes a server of HTTP over TLS 1.2 and newer. @throws SystemError `tls-unusable` when certificate or key are not what they should be. */
export async function createTlsServer({ certFile, keyFile }: TcpOptions, options: ServerOptions): Promise<Server> {
  const read = (setting: string, file: string): Promise<Buffer> =>
    readFile(file).catch((error: NodeJS.ErrnoException) => {
      throw new SystemError("tls-unusable", `${setting} ${file} cannot be read (${error.code})`, { cause: error });
    });
  const [cert, key] = [await read("api.cert", certFile), await read("api.key", keyFile)];
  try {
    return createServer({ ...options, cert, key, minVersion: "TLSv1.2" });
  } catch (cause) {
    // What OpenSSL says names the rule that was broken, and nothing of the key.
    const message = `api.cert ${certFile} and api.key ${keyFile} do not make a TLS server: ${(cause as Error).message}`;
    throw new SystemError("tls-unusable", message, { cause });
  }
}

/** @throws ConflictError `port-in-use`; SystemError `port-unusable`. */
export async function listenOnPort(server: Server, { host, port }: TcpOptions): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const at = `api.listen ${host}:${port}`;
    if (code === "EADDRINUSE") throw new ConflictError("port-in-use", `${at} is in use by another program`);
    throw new SystemError("port-unusable", `cannot listen on ${at} (${code})`, { cause: error });
  }
}
