import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { answer } from "./answer.ts";
import type { Cloud } from "./cloud.ts";

/** An EC2 endpoint on loopback. */
export interface Endpoint {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves a pretended account to any client of EC2's Query protocol, the unmodified SDK among them.
 * @param answerMs how long each answer takes, in milliseconds; the call takes effect at its end.
 */
export async function startEndpoint(cloud: Cloud, answerMs = 0): Promise<Endpoint> {
  const server = createServer((request, response) => {
    serve(cloud, answerMs, request, response).catch((error: unknown) => {
      console.error("the EC2 endpoint failed:", error);
      response.destroy();
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function serve(
  cloud: Cloud,
  answerMs: number,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const form = await text(request);
  if (answerMs > 0) await sleep(answerMs);
  const answered = answer(cloud, request.headers.authorization, form);
  if (answered === "cut") return void response.socket?.destroy();
  response.writeHead(answered.status, { "content-type": "text/xml;charset=UTF-8" });
  response.end(answered.body);
}
