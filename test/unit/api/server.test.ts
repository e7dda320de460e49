import { once } from "node:events";
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json, text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createApiClient } from "../../../src/api/client.ts";
import { startApiServer } from "../../../src/api/server.ts";
import { ConflictError, SystemError } from "../../../src/domain/errors.ts";
import { silentLogger } from "../../support/jobs.ts";
import { fakeManager } from "../../support/manager.ts";
import { waitingLease } from "../../support/records.ts";

let folder: string;
let socketPath: string;
const manager = fakeManager({ pools: async () => [] });
const serve = (path = socketPath) =>
  startApiServer({ manager, socketPath: path, logger: silentLogger, version: "1.2.3" });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-api-"));
  socketPath = join(folder, "run", "mayfly.sock");
});
afterEach(() => rm(folder, { recursive: true }));

/** Asks without the client, as a stranger would. */
async function ask(
  path: string,
  headers = {},
): Promise<{ readonly status: number | undefined; readonly body: unknown }> {
  const asking = request({ socketPath, path, headers }).end();
  const [response] = await once(asking, "response");
  return { status: response.statusCode, body: await json(response) };
}

it("makes a socket that only its user may open, in a folder that only its user may enter", async () => {
  const server = await serve();

  const modes = [(await stat(socketPath)).mode & 0o777, (await stat(join(folder, "run"))).mode & 0o777];

  expect(modes).toEqual([0o600, 0o700]);
  await server.close();
});

it("takes its socket away when it closes", async () => {
  const server = await serve();
  await server.close();

  await expect(stat(socketPath)).rejects.toThrow("ENOENT");
});

it("closes while questions are open", async () => {
  const reached = Promise.withResolvers<void>();
  const waiting = fakeManager({
    awaitJob: () => {
      reached.resolve();
      return new Promise(() => undefined);
    },
  });
  const server = await startApiServer({ manager: waiting, socketPath, logger: silentLogger, version: "1" });
  const asking = createApiClient(socketPath).awaitJob("j-1" as never, 60_000, new AbortController().signal);
  const failed = expect(asking).rejects.toThrow("broke");
  await reached.promise;

  await server.close();

  await failed;
});

it("replaces the socket that a dead daemon left", async () => {
  await mkdir(join(folder, "run"));
  const dead = createServer().listen(socketPath);
  await once(dead, "listening");
  // Node takes the file away when it closes: a hard link is what stays, as after kill -9.
  const { link, rename } = await import("node:fs/promises");
  await link(socketPath, `${socketPath}.left`);
  dead.close();
  await once(dead, "close");
  await rename(`${socketPath}.left`, socketPath);

  const server = await serve();

  expect(await createApiClient(socketPath).pools()).toEqual([]);
  await server.close();
});

it("refuses the socket of a living daemon", async () => {
  const server = await serve();

  const second = serve();

  await expect(second).rejects.toThrow(ConflictError);
  await expect(second).rejects.toThrow(`another mayfly daemon answers at ${socketPath}`);
  expect(await createApiClient(socketPath).pools()).toEqual([]);
  await server.close();
});

it("refuses a path where another file stands, and leaves the file alone", async () => {
  const path = join(folder, "notes.txt");
  await writeFile(path, "mine");

  await expect(serve(path)).rejects.toThrow(`${path} is there already and is no socket`);
  expect((await stat(path)).size).toBe(4);
});

it("tells a client without a daemon what to do", async () => {
  const asking = createApiClient(socketPath).pools();

  await expect(asking).rejects.toThrow(SystemError);
  await expect(asking).rejects.toThrow(`no mayfly daemon answers at ${socketPath}; start one with \`mayfly daemon\``);
});

it("tells a client that something else answers there", async () => {
  await mkdir(join(folder, "run"));
  await chmod(join(folder, "run"), 0o700);
  const stranger = createServer((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")).listen(
    socketPath,
  );
  await once(stranger, "listening");

  await expect(createApiClient(socketPath).pools()).rejects.toThrow(
    `what answers at ${socketPath} is not a mayfly daemon`,
  );
  stranger.close();
});

it("names an unknown route and a missing upgrade, each as JSON", async () => {
  const server = await serve();

  expect(await ask("/v2/pools")).toMatchObject({ status: 404, body: { kind: "system", code: "unknown-route" } });
  expect(await ask("/v1/machines/m/exec")).toMatchObject({ status: 400, body: { code: "upgrade-required" } });
  expect(await ask("/v1/pools", { connection: "Upgrade", upgrade: "websocket" })).toMatchObject({
    status: 400,
    body: { code: "unknown-upgrade" },
  });
  expect(await ask("/v1/jobs?all=perhaps")).toMatchObject({ status: 400, body: { code: "request-invalid" } });
  await server.close();
});

/** Sends bytes as they are; answers what comes back. */
async function sendRaw(parts: Iterable<string | Uint8Array>): Promise<string> {
  const socket = connect(socketPath);
  await pipeline(parts, socket, { end: false });
  return text(socket);
}

it("takes a POST that does not say how long it is: one without a body, and one in chunks", async () => {
  const asked: unknown[] = [];
  const leases = fakeManager({
    async releaseLease(id) {
      asked.push(id);
      return { lease: waitingLease("l-1") };
    },
    async acquireLease(request) {
      asked.push(request);
      return { lease: waitingLease("l-1") };
    },
  });
  const server = await startApiServer({ manager: leases, socketPath, logger: silentLogger, version: "1.2.3" });
  const head = "Host: mayfly\r\nConnection: close\r\n";
  const body = '{"poolName":"small","holder":"me"}';
  const chunked = `${head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n`;

  const none = await sendRaw([`POST /v1/leases/l-1/release HTTP/1.1\r\n${head}\r\n`]);
  const chunks = await sendRaw([
    `POST /v1/leases HTTP/1.1\r\n${chunked}\r\n`,
    `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  ]);

  expect([none.split("\r\n")[0], chunks.split("\r\n")[0]]).toEqual(["HTTP/1.1 200 OK", "HTTP/1.1 200 OK"]);
  expect(asked).toEqual(["l-1", { poolName: "small", holder: "me" }]);
  await server.close();
});

it("refuses chunks that come to more than 32 MiB, by name", async () => {
  const server = await serve();
  const headers = { "content-type": "application/json", "transfer-encoding": "chunked" };
  const asking = request({ socketPath, path: "/v1/jobs", method: "POST", headers });
  const mebibytes = Array.from({ length: 33 }, () => Buffer.alloc(2 ** 20, " "));

  // The answer comes before the end of the upload: Node then sends no more.
  pipeline(mebibytes, asking).catch(() => undefined);
  const [response] = (await once(asking, "response")) as [IncomingMessage];

  expect(response.statusCode).toBe(400);
  expect(await json(response)).toMatchObject({ code: "request-too-large" });
  await server.close();
});

it("describes every route in its OpenAPI document, made from the schemas that validate", async () => {
  const server = await serve();

  const { body } = await ask("/v1/openapi.json");
  const document = body as {
    openapi: string;
    paths: Record<string, Record<string, { responses: object }>>;
    components: { schemas: object };
  };
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );

  expect(document.openapi).toBe("3.1.0");
  expect(routes.toSorted()).toEqual([
    "get /v1/docker-machines",
    "get /v1/health",
    "get /v1/instances",
    "get /v1/jobs",
    "get /v1/jobs/{id}",
    "get /v1/jobs/{id}/await",
    "get /v1/jobs/{id}/events",
    "get /v1/jobs/{id}/log",
    "get /v1/jobs/{id}/stages/{number}/await",
    "get /v1/jobs/{id}/stages/{number}/log",
    "get /v1/jobs/{id}/why",
    "get /v1/leases",
    "get /v1/leases/{id}/await",
    "get /v1/leases/{id}/engine",
    "get /v1/leases/{id}/exec",
    "get /v1/machines",
    "get /v1/machines/{id}",
    "get /v1/machines/{id}/exec",
    "get /v1/pools",
    "get /v1/pools/{name}",
    "get /v1/pools/{name}/shadows",
    "get /v1/pools/{name}/why",
    "post /v1/archives",
    "post /v1/config/diff",
    "post /v1/config/reload",
    "post /v1/cordon",
    "post /v1/docker-machines",
    "post /v1/docker-machines/{id}/keep",
    "post /v1/docker-machines/{id}/probe",
    "post /v1/docker-machines/{id}/remove",
    "post /v1/drain",
    "post /v1/instances/reap",
    "post /v1/jobs",
    "post /v1/jobs/{id}/cancel",
    "post /v1/jobs/{id}/finish",
    "post /v1/jobs/{id}/stages",
    "post /v1/jobs/{id}/stages/{number}/stop",
    "post /v1/leases",
    "post /v1/leases/{id}/release",
    "post /v1/leases/{id}/renew",
    "post /v1/leases/{id}/run",
    "post /v1/machines/{id}/terminate",
    "post /v1/pipelines/{id}",
    "post /v1/pools/{name}/cordon",
    "post /v1/pools/{name}/drain",
    "post /v1/pools/{name}/resume",
    "post /v1/resume",
  ]);
  expect(Object.keys(document.components.schemas).toSorted()).toEqual([
    ...["ConfigChange", "ConfigDiff", "ConfigReload"],
    ...[
      "DockerMachine",
      "DockerMachineEvent",
      "DockerMachineRequest",
      "Error",
      "Health",
      "Instance",
      "Job",
      "JobSpec",
      "JobWhy",
      "Lease",
      "LeaseRequest",
      "LeaseView",
      "Machine",
      "PipelineAnnouncement",
      "PolicyFigures",
      "Pool",
      "PoolShadows",
      "PoolWhy",
      "ReadyDockerMachine",
      "RunLine",
      "RunRequest",
      "Stage",
      "StageRequest",
      "TimelineEvent",
    ],
  ]);
  await server.close();
});
