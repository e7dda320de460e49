import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { answer } from "./answer.ts";
import type { Cloud } from "./cloud.ts";

/** An EC2 endpoint on loopback. */
export interface Endpoint {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves a pretended account to any client of EC2's Query protocol, the unmodified SDK among them. */
export async function startEndpoint(cloud: Cloud): Promise<Endpoint> {
  const server = createServer((request, response) => {
    serve(cloud, request, response).catch((error: unknown) => {
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

async function serve(cloud: Cloud, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answered = answer(cloud, request.headers.authorization, await text(request));
  if (answered === "cut") return void response.socket?.destroy();
  response.writeHead(answered.status, { "content-type": "text/xml;charset=UTF-8" });
  response.end(answered.body);
}
