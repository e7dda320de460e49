import { once } from "node:events";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Context } from "hono";

/** What a handler finds of the server around it. */
export type Env = { Bindings: HttpBindings };

/** Sends bytes as they come, no faster than the client takes them. An error before the first byte is answered as such. */
export async function sendBytes(
  c: Context<Env>,
  bytes: AsyncIterable<Uint8Array>,
  type: string,
  gone: AbortSignal,
): Promise<Response> {
  const iterator = bytes[Symbol.asyncIterator]();
  const first = await iterator.next();
  const { outgoing } = c.env;
  outgoing.writeHead(200, { "content-type": type });
  try {
    for await (const part of chain(first, iterator)) {
      if (!outgoing.write(part)) await once(outgoing, "drain", { signal: gone });
    }
    outgoing.end();
  } catch {
    // Cut off after what was written: this is how HTTP tells the client that there is more, which it will ask for again.
    outgoing.socket?.destroySoon();
  }
  return RESPONSE_ALREADY_SENT;
}

async function* chain(first: IteratorResult<Uint8Array>, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    for (let next = first; next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/** Aborts when the client goes away before it has its answer. */
export function clientOf(c: Context<Env>): AbortSignal {
  const { outgoing } = c.env;
  const gone = new AbortController();
  const abort = (): void => gone.abort(new Error("the client went away"));
  if (outgoing.destroyed) abort();
  outgoing.on("close", () => {
    if (!outgoing.writableFinished) abort();
  });
  return gone.signal;
}
