import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { request } from "node:https";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { connect } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApiClient } from "../../../src/api/client.ts";
import { startApiServer } from "../../../src/api/server.ts";
import type { ApiServer } from "../../../src/api/server.ts";
import { createAuthority, issueServer } from "../../../src/daemon/dockerMachines/certificates.ts";
import { ConflictError, SystemError } from "../../../src/domain/errors.ts";
import { silentLogger } from "../../support/jobs.ts";
import { fakeManager } from "../../support/manager.ts";

const TOKEN = "0123456789abcdef0123456789abcdef0123456789abcdef";
const authority = createAuthority(Date.now());

let folder: string;
let server: ApiServer | undefined;
let logged: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-tcp-"));
  const { certPem, keyPem } = issueServer(authority, Date.now());
  await writeFile(file("cert"), certPem);
  await writeFile(file("key"), keyPem, { mode: 0o600 });
  await writeFile(file("token"), `${TOKEN}\n`, { mode: 0o600 });
  logged = "";
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await rm(folder, { recursive: true });
});

const file = (name: string): string => join(folder, name);
const log = (fields: unknown, message: string): void => {
  logged += `${JSON.stringify(fields)} ${message}\n`;
};
const logger = { ...silentLogger, info: log, warn: log, error: log, debug: log };

async function serve(port = 0): Promise<ApiServer> {
  const tcp = { host: "127.0.0.1", port, certFile: file("cert"), keyFile: file("key"), tokenFile: file("token") };
  const manager = fakeManager({ pools: async () => [], execOnMachine: () => Promise.reject(new Error("reached")) });
  server = await startApiServer({ manager, socketPath: file("sock"), tcp, logger, version: "1" });
  return server;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

async function ask(headers = {}, path = "/v1/pools"): Promise<Answer> {
  const options = {
    host: "127.0.0.1",
    port: server?.port,
    path,
    headers,
    ca: authority.certPem,
    agent: false as const,
  };
  const [response] = await once(request(options).end(), "response");
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

describe("the API over TCP", () => {
  it("answers whoever has the token, over TLS", async () => {
    await serve();

    expect(await ask({ authorization: `Bearer ${TOKEN}` })).toMatchObject({ status: 200, body: "[]" });
    expect(await createApiClient(file("sock")).pools()).toEqual([]);
  });

  it.each([
    ["none", {}],
    ["another", { authorization: `Bearer ${TOKEN.replace("0", "1")}` }],
    ["half of it", { authorization: `Bearer ${TOKEN.slice(0, 24)}` }],
    ["an empty one", { authorization: "Bearer " }],
    ["it in another scheme", { authorization: `Basic ${TOKEN}` }],
  ])("refuses a request with %s, and says nothing of the token", async (_what, headers) => {
    await serve();

    const { status, headers: answered, body } = await ask(headers);

    expect([status, answered["www-authenticate"], answered["connection"]]).toEqual([401, "Bearer", "close"]);
    expect(JSON.parse(body)).toMatchObject({ code: "unauthorized" });
    expect(body + logged).not.toContain(TOKEN.slice(8, 24));
  });

  it("refuses what it has not heard of just so: strangers do not learn which routes there are", async () => {
    await serve();

    expect((await ask({}, "/v1/nothing")).status).toBe(401);
    expect((await ask({ authorization: `Bearer ${TOKEN}` }, "/v1/nothing")).status).toBe(404);
  });

  it("refuses another protocol on the connection without the token, before the manager is asked", async () => {
    await serve();
    const socket = connect({ host: "127.0.0.1", port: server?.port ?? 0, ca: authority.certPem });
    socket.write(
      "GET /v1/machines/m-1/exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: mayfly-exec\r\n\r\n",
    );

    expect(await text(socket)).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
  });

  it("speaks neither plain HTTP nor TLS 1.1", async () => {
    await serve();
    const plain = httpRequest({ host: "127.0.0.1", port: server?.port, path: "/v1/pools" }).end();
    const old = connect({ host: "127.0.0.1", port: server?.port ?? 0, ca: authority.certPem, maxVersion: "TLSv1.1" });

    const errors = await Promise.all([once(plain, "error"), once(old, "error")]);

    expect(errors.flat()).toEqual([expect.any(Error), expect.any(Error)]);
  });

  it("does not start without what it takes, says what that is, and leaves no socket behind", async () => {
    await writeFile(file("token"), "short");
    await expect(serve()).rejects.toThrow(/token_file .*token must hold one word of at least 32 characters/);
    await writeFile(file("token"), TOKEN);
    await chmod(file("token"), 0o644);
    await expect(serve()).rejects.toThrow(/is open to every account; chmod 600 it/);
    await chmod(file("token"), 0o600);
    await writeFile(file("key"), issueServer(authority, Date.now()).keyPem);
    await expect(serve()).rejects.toThrow(SystemError);
    await rm(file("cert"));
    await expect(serve()).rejects.toThrow(/api\.cert .*cert cannot be read \(ENOENT\)/);

    await expect(readFile(file("sock"))).rejects.toThrow("ENOENT");
    await expect(readFile(file("token"), "utf8")).resolves.toBe(TOKEN);
  });

  it("says that its port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;

    const serving = serve(port);

    await expect(serving).rejects.toThrow(ConflictError);
    await expect(serving).rejects.toThrow(`api.listen 127.0.0.1:${port} is in use`);
    other.close();
  });
});
