import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface FakeRequest {
  /** `POST /containers/create`, without the query. */
  readonly line: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

type Answer = (response: ServerResponse, request: FakeRequest) => void;

/** A small HTTP server on a unix socket that plays a Docker engine by script. */
export interface FakeDocker {
  readonly socketPath: string;
  /** Requests in the order of their arrival. */
  readonly requests: readonly FakeRequest[];
  /** Connections accepted so far. */
  readonly connections: number;
  /** Plays the answer to a request line; the last one given stands. */
  on(line: string, answer: Answer): void;
  /** Plays the raw stream of an attach. */
  onAttach(play: (socket: Duplex) => void): void;
  /** Drops everything, as an engine that is killed. */
  die(): void;
  stop(): Promise<void>;
}

export const json =
  (body: unknown, status = 200): Answer =>
  (response) =>
    void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));

/** One frame of the engine's multiplexed streams. */
export function frame(stream: "stdout" | "stderr", payload: string | Buffer): Buffer {
  const bytes = Buffer.from(payload);
  const header = Buffer.alloc(8);
  header[0] = stream === "stdout" ? 1 : 2;
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

export async function startFakeDocker(path?: string): Promise<FakeDocker> {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-docker-"));
  const socketPath = path ?? join(folder, "docker.sock");
  const answers = new Map<string, Answer>();
  const requests: FakeRequest[] = [];
  const sockets = new Set<Duplex>();
  let connections = 0;
  let playAttach: (socket: Duplex) => void = (socket) => socket.end();

  const server = createServer(async (asked, response) => {
    const url = new URL(asked.url ?? "/", "http://engine");
    const line = `${asked.method} ${url.pathname}`;
    const request = { line, query: url.searchParams, headers: asked.headers, body: await text(asked) };
    requests.push(request);
    const answer = answers.get(line) ?? json({ message: `no answer for ${line}` }, 500);
    answer(response, request);
  });
  server.on("upgrade", (_asked, socket: Duplex) => {
    socket.on("error", () => {});
    socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    playAttach(socket);
  });
  server.on("connection", (socket: Duplex) => {
    connections += 1;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(socketPath);
  await once(server, "listening");

  const die = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return {
    socketPath,
    requests,
    get connections() {
      return connections;
    },
    on: (line, answer) => void answers.set(line, answer),
    onAttach: (play) => {
      playAttach = play;
    },
    die,
    async stop() {
      die();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
