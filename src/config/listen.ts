import { absolutePath, text } from "./fields.ts";

/** A name or IPv4 address, or an IPv6 address in brackets, and a port. */
const LISTEN = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/;
const LISTEN_RULE = 'a host and a port, such as "127.0.0.1:8443" or "[::1]:8443"';
const MAX_PORT = 65_535;
/** A host and a port. */
export const listenAddress = () =>
  text(LISTEN, LISTEN_RULE).refine((value) => portOf(value) >= 1 && portOf(value) <= MAX_PORT, { error: LISTEN_RULE });

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
  const [, bracketed, plain = ""] = LISTEN.exec(listen) ?? [];
  return { host: bracketed ?? plain, port: portOf(listen) };
}

const portOf = (listen: string): number => Number(LISTEN.exec(listen)?.[3] ?? 0);
