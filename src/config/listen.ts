import * as z from "zod";
import { absolutePath, text } from "./fields.ts";

/** A name or IPv4 address, or an IPv6 address in brackets, and a port. */
const LISTEN = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/;
const LISTEN_RULE = 'a host and a port, such as "127.0.0.1:8443" or "[::1]:8443"';
const MAX_PORT = 65_535;
/** A host and a port. */
export const listenAddress = () =>
  text(LISTEN, LISTEN_RULE).refine((value) => isPort(portOf(value)), { error: LISTEN_RULE });

const PORT = /^\d{1,5}$/;
const PORT_RULE = 'a port, which is opened on 127.0.0.1, or a host and a port, such as "8443" or "10.0.0.5:8443"';
/** A host and a port, or a port of this host's loopback address alone. */
export const listenOrPort = () =>
  z
    .string({ error: PORT_RULE })
    .refine((value) => isPort(PORT.test(value) ? Number(value) : portOf(value)), { error: PORT_RULE });

/** The keys of `[api]` that belong to TCP. */
export const listenFields = {
  listen: listenAddress().optional(),
  cert: absolutePath().optional(),
  key: absolutePath().optional(),
  token_file: absolutePath().optional(),
};

/** Where the API listens beside its socket, and what that takes. */
export interface ListenConfig {
  readonly host: string;
  /** 1..65535 */
  readonly port: number;
  readonly certFile: string;
  readonly keyFile: string;
  readonly tokenFile: string;
}

/** Reads the keys once they are known to be right. */
export function listenFrom(
  api: {
    readonly [Key in keyof typeof listenFields]?: string | undefined;
  },
): ListenConfig | undefined {
  const { listen, cert: certFile, key: keyFile, token_file: tokenFile } = api;
  if (listen === undefined || certFile === undefined || keyFile === undefined || tokenFile === undefined)
    return undefined;
  return { ...placeFrom(listen), certFile, keyFile, tokenFile };
}

/** Splits an address that is known to be right. */
export function placeFrom(listen: string): { readonly host: string; readonly port: number } {
  if (PORT.test(listen)) return { host: "127.0.0.1", port: Number(listen) };
  const [, bracketed, plain = ""] = LISTEN.exec(listen) ?? [];
  return { host: bracketed ?? plain, port: portOf(listen) };
}

const isPort = (port: number): boolean => port >= 1 && port <= MAX_PORT;
const portOf = (listen: string): number => Number(LISTEN.exec(listen)?.[3] ?? 0);
