import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import type { RequestListener, Server as HttpServer } from "node:http";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { askJson } from "../../../src/api/ask.ts";
import { createApiClient } from "../../../src/api/client.ts";
import { NotFoundError, SystemError, TransientError } from "../../../src/domain/errors.ts";

const OK = "HTTP/1.1 200 OK\r\n";
const never = new AbortController().signal;
let folder: string;
let socketPath: string;
const servers: (Server | HttpServer)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-ask-"));
  socketPath = join(folder, "mayfly.sock");
});
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

async function listen(server: Server | HttpServer, backlog?: number): Promise<void> {
  servers.push(server);
  server.listen({ path: socketPath, ...(backlog === undefined ? {} : { backlog }) });
  await once(server, "listening");
}

/** Answers each question with bytes in pieces, and ends the connection. */
const answerWith = (pieces: () => readonly Uint8Array[]): Promise<void> =>
  listen(
    createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => void sendEach(socket, pieces()));
    }),
  );

async function sendEach(socket: Socket, pieces: readonly Uint8Array[]): Promise<void> {
  for (const piece of pieces) {
    await new Promise((resolve) => socket.write(piece, resolve));
    await new Promise(setImmediate);
  }
  socket.end();
}

const serveHttp = (listener: RequestListener): Promise<void> => listen(createHttpServer(listener));
const get = (path = "/", signal?: AbortSignal): Promise<unknown> =>
  askJson(socketPath, { method: "GET", path, signal });

/** Bytes, cut at places from 0 to 1 of their length. */
const cut = (bytes: Uint8Array, places: readonly number[]): readonly Uint8Array[] => {
  const ends = [...places.map((place) => Math.floor(place * bytes.length)).sort((a, b) => a - b), bytes.length];
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end)).filter((piece) => piece.length > 0);
};
const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 });
/** What JSON can say, and says again when it has been read. */
const document = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);

it("reads an answer whatever pieces it comes in, with and without its length", async () => {
  let pieces: readonly Uint8Array[] = [];
  await answerWith(() => pieces);

  await fc.assert(
    fc.asyncProperty(document, fc.boolean(), places, async (value, saysLength, at) => {
      const body = Buffer.from(JSON.stringify(value));
      const length = saysLength ? `Content-Length: ${body.length}\r\n` : "";
      pieces = cut(Buffer.concat([Buffer.from(`${OK}X-Other: ä\r\n${length}\r\n`, "latin1"), body]), at);

      expect(await get()).toEqual(value);
    }),
    { numRuns: 60 },
  );
});

it("never takes a part of an answer for the whole", async () => {
  const body = Buffer.from(JSON.stringify({ pools: ["small"] }));
  const whole = Buffer.concat([Buffer.from(`${OK}Content-Length: ${body.length}\r\n\r\n`), body]);
  let sent = whole.subarray(0, 0);
  await answerWith(() => [sent]);

  for (let length = 0; length < whole.length; length += 1) {
    sent = whole.subarray(0, length);
    const failure = await get().catch((error: unknown) => error);
    expect(failure, `${length} bytes`).toBeInstanceOf(TransientError);
    expect(failure).toMatchObject({ code: "connection-lost" });
  }
});

it("is understood by Node's server, and understands what that writes in parts", async () => {
  const seen: unknown[] = [];
  await serveHttp(async (request, response) => {
    const body = await text(request);
    seen.push({ method: request.method, url: request.url, key: request.headers["idempotency-key"], body });
    response.write(body.slice(0, 3));
    setImmediate(() => response.end(body.slice(3)));
  });

  await fc.assert(
    fc.asyncProperty(document, async (value) => {
      const path = `/v1/jobs/${encodeURIComponent("j 1/ä")}?all=true`;
      const headers = { "idempotency-key": "key-1" };
      expect(await askJson(socketPath, { method: "POST", path, headers, body: value })).toEqual(value);
      expect(seen.pop()).toEqual({ method: "POST", url: path, key: "key-1", body: JSON.stringify(value) });
    }),
    { numRuns: 40 },
  );
});

it("says that a POST has no body, and that one is JSON", async () => {
  const heads: unknown[] = [];
  await serveHttp((request, response) => {
    const { "content-length": length, "content-type": type } = request.headers;
    heads.push([length, type]);
    response.end("{}");
  });

  await askJson(socketPath, { method: "POST", path: "/" });
  await askJson(socketPath, { method: "POST", path: "/", body: { ä: 1 } });
  await get();

  expect(heads).toEqual([
    ["0", undefined],
    ["8", "application/json"],
    [undefined, undefined],
  ]);
});

it("throws what the daemon answered, also when that comes before the end of the question", async () => {
  const answer = JSON.stringify({ kind: "not-found", code: "unknown-job", message: "no job j-1" });
  await listen(
    createServer((socket) => {
      socket.on("error", () => undefined);
      const head = `HTTP/1.1 404 Not Found\r\nContent-Length: ${answer.length}\r\n\r\n`;
      socket.once("data", () => {
        socket.pause();
        socket.write(head + answer, () => socket.destroy());
      });
    }),
  );
  const body = "x".repeat(16 * 2 ** 20);

  for (let time = 0; time < 20; time += 1) {
    const failure = await askJson(socketPath, { method: "POST", path: "/", body }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(NotFoundError);
    expect(failure).toMatchObject({ code: "unknown-job" });
  }
});

it.each([
  ["chunks, which it did not ask for", `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`],
  ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n\r\n"],
  ["no JSON", `${OK}Content-Length: 2\r\n\r\nhi`],
  ["a head without an end", `${OK}${"X: y\r\n".repeat(20_000)}`],
])("takes %s for no answer of a daemon", async (_what, answer) => {
  await answerWith(() => [Buffer.from(answer)]);

  const failure = await get().catch((error: unknown) => error);

  expect(failure).toBeInstanceOf(SystemError);
  expect(failure).toMatchObject({ code: "not-mayfly" });
});

it.each(["/v1/jobs\r\nX: y", "/v1/ä", "/v1/a b"])("sends no path that is not visible ASCII: %j", async (path) => {
  await expect(get(path)).rejects.toThrow(TypeError);
  await expect(askJson(socketPath, { method: "GET", path: "/", headers: { key: path } })).rejects.toThrow();
});

it("ends its connection when it is called off, with the reason", async () => {
  const closed = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  await listen(
    createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => reached.resolve());
      socket.once("close", () => closed.resolve());
    }),
  );
  const off = new AbortController();
  const asking = get("/", off.signal);
  await reached.promise;
  off.abort(new Error("enough"));

  await expect(asking).rejects.toThrow("enough");
  await closed.promise;
  await expect(get("/", off.signal)).rejects.toThrow("enough");
});

describe("a daemon whose queue of connections is full", () => {
  /** With a backlog of one, the kernel says EAGAIN to the third that connects before the server accepts. */
  const serveBusy = (answer: string): Promise<void> =>
    listen(
      createHttpServer((request, response) => {
        request.resume().once("end", () => response.end(answer));
      }),
      1,
    );
  const CLIENTS = 20;

  it("is asked again, by questions", async () => {
    await serveBusy("[]");
    const client = createApiClient(socketPath);

    const answers = await Promise.all(Array.from({ length: CLIENTS }, () => client.pools()));

    expect(answers).toEqual(answers.map(() => []));
  });

  it("is asked again, by uploads and for logs", async () => {
    await serveBusy('{"archiveId":"a-1"}');
    const client = createApiClient(socketPath);
    const bytes = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("tar");
    };
    const log = async (): Promise<string> => text(client.jobLog("j-1" as never, 0, false, never));

    const uploads = Promise.all(Array.from({ length: CLIENTS }, () => client.putArchive(bytes(), never)));
    const logs = Promise.all(Array.from({ length: CLIENTS }, log));

    expect(new Set(await uploads)).toEqual(new Set(["a-1"]));
    expect(new Set(await logs)).toEqual(new Set(['{"archiveId":"a-1"}']));
  });
});
