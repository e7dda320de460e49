import type { HttpBindings } from "@hono/node-server";
import type { Context, Next } from "hono";
import { ConfigError } from "../domain/errors.ts";

/** A job's script may be 16 MiB, and JSON makes text longer. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;

/**
 * Refuses a body that is too large, before it is kept. Hono's own limiter fails at requests that do not say how long they
 * are, under a server that leaves the global Request alone (hono 4.13: it makes a Request of what is none).
 * @throws ConfigError `request-too-large`.
 */
export async function limitBody(
  c: Context<{ Bindings: HttpBindings }>,
  next: Next,
  maxBytes = MAX_BODY_BYTES,
): Promise<void> {
  const length = c.req.header("content-length");
  if (Number(length ?? 0) > maxBytes) throw tooLarge(maxBytes);
  if (length === undefined && c.req.header("transfer-encoding") !== undefined) {
    const body = await readBody(c.env.incoming, maxBytes);
    c.req.raw = new Request(c.req.url, { method: c.req.method, headers: c.req.header(), body });
  }
  await next();
}

async function readBody(incoming: HttpBindings["incoming"], maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Buffer[] = [];
  let size = 0;
  // Who sends too much is to hear so over this very connection: it must outlive the loop.
  for await (const part of incoming.iterator({ destroyOnReturn: false })) {
    size += (part as Buffer).length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}

function tooLarge(maxBytes: number): ConfigError {
  const message = `Expected at most ${maxBytes / 2 ** 20} MiB, got more`;
  return new ConfigError([{ place: "request body", message }], "request-too-large");
}
