import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { request } from "node:https";
import { once } from "node:events";
import { connect } from "node:tls";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { machineIdFrom } from "../../../../src/domain/ids.ts";
import { pool } from "../../../support/pools.ts";
import { startShimHost } from "../../../support/shimHost.ts";
import { until } from "../../../support/until.ts";

/** What a runner puts before every call. */
const BUG = "--bugsnag-api-token=no-report";
const STORE_PATH = "{{.HostOptions.AuthOptions.StorePath}}";

/** Asks an engine as a docker client does: with the certificates of a directory and nothing else. */
async function askEngine(url: string, certPath: string, path: string): Promise<string> {
  const pem = (name: string): Buffer => readFileSync(join(certPath, name));
  const asked = request(`${url.replace("tcp:", "https:")}${path}`, {
    ...{ ca: pem("ca.pem"), cert: pem("cert.pem"), key: pem("key.pem"), agent: false },
  });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    asked.on("response", resolve);
    asked.on("error", reject);
  });
  asked.end();
  return text(await answer);
}

describe("a runner's calls, in its order", () => {
  it("give it a machine whose engine it speaks to over TLS, and take it away", async () => {
    await using host = await startShimHost();
    const name = "runner-abc-auto-1700000000-deadbeef";

    const created = await host.run([BUG, "create", "--driver", "mayfly", name]);

    expect(created).toMatchObject({ exitCode: 0, stderr: "" });
    expect(created.stdout).toContain("Docker is up and running!");
    const names = readdirSync(host.dir(name)).toSorted();
    expect(names).toEqual(["ca.pem", "cert.pem", "config.json", "key.pem"]);
    expect(statSync(host.dir(name)).mode & 0o777).toBe(0o700);
    expect(names.map((file) => statSync(join(host.dir(name), file)).mode & 0o777)).toEqual(names.map(() => 0o600));
    expect(readdirSync(join(host.storagePath, "machines"))).toEqual([name]);

    const config = await host.run([BUG, "config", name]);
    const url = (await host.run([BUG, "url", name])).stdout.trim();
    const certPath = (await host.run([BUG, "inspect", name, "-f", STORE_PATH])).stdout.trim();

    expect(config).toMatchObject({ exitCode: 0, stderr: "" });
    expect(config.stdout).toContain(`--tlsverify\n--tlscacert="${certPath}/ca.pem"`);
    expect(certPath).toBe(host.dir(name));
    expect(JSON.parse(await askEngine(url, certPath, "/version"))).toMatchObject({ Version: "20.10.24" });

    expect((await host.run([BUG, "inspect", name])).exitCode).toBe(0);
    expect((await host.run([BUG, "stop", name])).exitCode).toBe(0);
    expect(await host.run([BUG, "rm", "-y", name])).toMatchObject({ exitCode: 0, stderr: "" });

    expect(existsSync(host.dir(name))).toBe(false);
    expect(await host.openLeases()).toBe(0);
    await until("its machine is gone", 10_000, async () => host.provider.instances().length === 0);
    await expect(askEngine(url, certPath, "/version")).rejects.toThrow();
  });
});

describe("create", () => {
  it("killed at any moment leaves no lease, no machine and no name", async () => {
    await using host = await startShimHost({ bootMs: 600 });
    const moments = ["waiting:", "asked pool", "got machine"];

    for (const moment of moments) {
      const { exitCode } = await host.run(["create", "-d", "mayfly", "halfway"], {
        onStart: (child) => {
          child.stdout?.on("data", (bytes: Buffer) => {
            if (bytes.includes(moment)) child.kill("SIGKILL");
          });
        },
      });

      expect({ moment, exitCode, isThere: existsSync(host.dir("halfway")) }).toEqual({
        ...{ moment, exitCode: null, isThere: false },
      });
      await until("its lease has ended", 10_000, async () => (await host.openLeases()) === 0);
    }

    const machines = await host.client.machines(false);
    expect(machines.filter(({ state }) => state === "leased")).toEqual([]);
    expect((await host.call(["create", "halfway"])).exitCode).toBe(0);
  });

  it("of nine machines at once gives nine, each with a certificate for itself alone", async () => {
    await using host = await startShimHost();
    const names = Array.from({ length: 9 }, (_, index) => `runner-${index}`);

    const created = await Promise.all(names.map((name) => host.call(["create", name])));

    expect(created.map(({ exitCode }) => exitCode)).toEqual(names.map(() => 0));
    expect(await host.openLeases()).toBe(9);
    const urls = (await host.call(["url", ...names])).stdout.trim().split("\n");
    expect(new Set(urls).size).toBe(1);
    const certs = names.map((name) => readFileSync(join(host.dir(name), "cert.pem"), "utf8"));
    expect(new Set(certs).size).toBe(9);
    expect((await host.call(["ls", "-q"])).stdout.trim().split("\n").toSorted()).toEqual(names);
    await host.call(["rm", "-f", ...names]);
    expect(await host.openLeases()).toBe(0);
  });

  it("of one name nine times at once gives one machine", async () => {
    await using host = await startShimHost();

    const created = await Promise.all(Array.from({ length: 9 }, () => host.call(["create", "same"])));

    expect(created.map(({ exitCode }) => exitCode).toSorted()).toEqual([0, ...Array.from({ length: 8 }, () => 3)]);
    expect(created.filter(({ stderr }) => stderr.includes('Docker machine "same" already exists'))).toHaveLength(8);
    expect(await host.openLeases()).toBe(1);
    expect(await host.call(["create", "same"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/already exists/),
    });
  });

  it.each([
    [3, ["create", "--driver", "virtualbox", "x"], /no driver "virtualbox"/],
    [3, ["create", "--mayfly-pool=huge", "x"], /there is no pool "huge"; there is: small/],
    [1, ["create", "../x"], /Invalid hostname specified/],
    [1, ["create"], /No machine name specified/],
    [1, ["create", "--google-zone=a", "x"], /flag provided but not defined: -google-zone/],
  ])("ends with %i and leaves nothing: %j", async (exitCode, args, message) => {
    await using host = await startShimHost();

    const outcome = await host.call(args);

    expect(outcome).toMatchObject({ exitCode, stderr: expect.stringMatching(message) });
    expect([await host.openLeases(), existsSync(join(host.storagePath, "machines"))]).toEqual([0, false]);
  });

  it("takes amazonec2 with its options and names what they do not change, but no secret", async () => {
    await using host = await startShimHost();
    const options = ["--amazonec2-secret-key=hush", "--amazonec2-zone=a", "--engine-label=team=ci", "--engine-new=1"];

    const { exitCode, stdout } = await host.call(["create", "--driver", "amazonec2", ...options, "x"]);

    expect(exitCode).toBe(0);
    const effect = stdout.split("\n").filter((line) => line.includes("without effect"));
    expect(effect).toEqual([
      "(x) without effect, with what decides instead: --amazonec2-secret-key (the daemon's own AWS credentials), --amazonec2-zone (pool.ec2.subnets), --engine-new",
    ]);
    expect(stdout).not.toContain("hush");
    expect(readFileSync(join(host.dir("x"), "config.json"), "utf8")).not.toContain("hush");
    expect((await host.call(["ls", "-q", "--filter", "label=team=ci"])).stdout).toBe("x\n");
  });

  it("waits for a pool that is full, says why, and gives up in time", async () => {
    await using host = await startShimHost({ pools: [pool({ maxMachines: 1, idleCount: 0 })] });
    await host.call(["create", "first"]);

    const outcome = await host.call(["create", "--mayfly-timeout=1s", "second"]);

    expect(outcome).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("no machine came for second in time"),
    });
    expect(outcome.stdout).toContain("(second) waiting: ");
    expect([existsSync(host.dir("second")), await host.openLeases()]).toEqual([false, 1]);
  });
});

describe("rm", () => {
  it("of what is unknown is success with -f and a failure without", async () => {
    await using host = await startShimHost();

    expect(await host.call(["rm", "-f", "nobody"])).toMatchObject({ exitCode: 0, stderr: "" });
    expect(await host.call(["rm", "-y", "nobody"])).toMatchObject({ exitCode: 1 });
    expect(await host.call(["rm", "-f", "../../etc"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/Invalid hostname/),
    });
  });

  it("asks first, and does nothing unless it is told yes", async () => {
    await using host = await startShimHost();
    await host.call(["create", "x"]);

    const no = await host.run(["rm", "x"], { stdin: "n\n" });
    const isThere = existsSync(host.dir("x"));
    const yes = await host.run(["rm", "x"], { stdin: "y\n" });

    expect([no.exitCode, isThere, yes.exitCode, existsSync(host.dir("x"))]).toEqual([1, true, 0, false]);
  });

  it("-f removes the directory while no manager answers, and the next manager ends the machine", async () => {
    await using host = await startShimHost();
    await host.call(["create", "x"]);
    await host.goAway();

    const outcome = await host.call(["rm", "-f", "x"]);

    expect([outcome.exitCode, existsSync(host.dir("x"))]).toEqual([0, false]);
    expect(host.provider.instances()).toHaveLength(1);
    await host.comeBack();
    await until("its machine is gone", 10_000, async () => host.provider.instances().length === 0);
  });

  it("finds a machine whose file is damaged by its name", async () => {
    await using host = await startShimHost();
    await host.call(["create", "x"]);
    writeFileSync(join(host.dir("x"), "config.json"), "{");

    expect((await host.call(["ls", "-q", "--filter", "state=Error", "--format", "{{.Name}}"])).stdout).toBe("x\n");
    expect(await host.call(["rm", "-y", "x"])).toMatchObject({ exitCode: 0 });
    expect([existsSync(host.dir("x")), await host.openLeases()]).toEqual([false, 0]);
  });
});

describe("a manager that is restarted", () => {
  it("between two calls keeps URL, certificates and machine", async () => {
    await using host = await startShimHost();
    await host.call(["create", "x"]);
    const url = (await host.call(["url", "x"])).stdout.trim();

    await host.goAway();
    expect(await host.call(["url", "x"])).toMatchObject({ exitCode: 0, stdout: `${url}\n` });
    const waiting = host.call(["config", "x"]);
    await host.comeBack();

    expect(await waiting).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(`-H=${url}`) });
    expect(JSON.parse(await askEngine(url, host.dir("x"), "/version"))).toHaveProperty("ApiVersion");
    expect(await host.call(["status", "x"])).toMatchObject({ exitCode: 0, stdout: "Running\n" });
    expect(host.provider.instances()).toHaveLength(1);
  });

  it("in the middle of a create goes on with it", async () => {
    await using host = await startShimHost({ bootMs: 1_500 });

    const creating = host.call(["create", "x"]);
    await until("a lease waits", 10_000, async () => (await host.openLeases()) === 1);
    await host.goAway();
    await host.comeBack();

    expect(await creating).toMatchObject({ exitCode: 0, stderr: "" });
    expect((await host.call(["config", "x"])).exitCode).toBe(0);
    expect([await host.openLeases(), host.provider.instances().length]).toEqual([1, 1]);
  });
});

describe("the way to an engine", () => {
  it("is closed to who has no certificate, or that of a machine that is gone", async () => {
    await using host = await startShimHost();
    await host.call(["create", "x"]);
    await host.call(["create", "gone"]);
    const url = (await host.call(["url", "x"])).stdout.trim();
    const gone = Object.fromEntries(["ca", "cert", "key"].map((name) => [name, pemOf(host.dir("gone"), name)]));
    await host.call(["rm", "-y", "gone"]);

    const outcomes = [{}, gone].map((certificate) =>
      firstBytes({ ...addressFrom(url), ca: pemOf(host.dir("x"), "ca"), ...certificate }),
    );

    expect(await Promise.all(outcomes)).toEqual(["", ""]);
    expect(await firstBytes({ ...addressFrom(url), ...certificateOf(host.dir("x")) })).toMatch(/^HTTP\/1.1 200/);
  });

  it("carries a hijacked stream: one half ends, the other goes on, and no byte is lost", async () => {
    await using host = await startShimHost();
    const bytes = Buffer.alloc(4 * 2 ** 20, "0123456789abcdef");
    host.docker.onAttach((socket) => {
      const parts: Buffer[] = [];
      socket.on("data", (part: Buffer) => parts.push(part));
      socket.on("end", () => socket.end(Buffer.concat(parts)));
    });
    await host.call(["create", "x"]);
    const url = (await host.call(["url", "x"])).stdout.trim();

    const options: ConnectionOptions = { ...addressFrom(url), ...certificateOf(host.dir("x")) };
    const socket = connect({ ...options, allowHalfOpen: true } as ConnectionOptions);
    socket.write("POST /containers/c/attach HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    const [head] = (await once(socket, "data")) as [Buffer];
    socket.end(bytes);
    const echoed = await bytesOf(socket);

    expect(head.toString()).toMatch(/^HTTP\/1.1 101/);
    expect(echoed.equals(bytes)).toBe(true);
  });
});

describe("a machine that is held", () => {
  it("ends when its directory is taken away by hand", async () => {
    await using host = await startShimHost();
    await host.call(["create", "x"]);

    await rm(host.dir("x"), { recursive: true });
    await host.goAway();
    await host.comeBack();

    await until("its machine is gone", 10_000, async () => host.provider.instances().length === 0);
  });

  it("that is lost is found so by config, and is in state Error until it is removed", async () => {
    await using host = await startShimHost();
    await host.call(["create", "x"]);
    const [machine] = await host.client.machines(false);
    await host.client.terminateMachine(machine?.id ?? machineIdFrom(""));

    expect((await host.call(["config", "x"])).exitCode).toBe(1);
    await host.goAway();
    await host.comeBack();
    await until("it is forgotten", 10_000, async () => (await host.call(["status", "x"])).stdout === "Error\n");
    expect((await host.call(["ls", "-q", "--filter", "state=Error"])).stdout).toBe("x\n");
    expect((await host.call(["rm", "-y", "x"])).exitCode).toBe(0);
  });
});

describe("what people ask for", () => {
  it("lists machines in columns, and by template", async () => {
    await using host = await startShimHost();
    await host.call(["create", "b"]);
    await host.call(["create", "a"]);
    const url = (await host.call(["url", "a"])).stdout.trim();

    const plain = await host.call(["ls"], { DOCKER_HOST: url, DOCKER_CERT_PATH: host.dir("b") });
    const table = await host.call(["ls", "--format", "table {{.Name}}\\t{{.State}}", "--filter", "name=^a"]);

    expect(plain.stdout.split("\n")[0]).toMatch(/^NAME +ACTIVE +DRIVER +STATE +URL +SWARM +DOCKER +ERRORS$/);
    expect(plain.stdout).toMatch(new RegExp(`^a +- +mayfly +Running +${url} +v20.10.24$`, "m"));
    expect(plain.stdout).toMatch(/^b +\* +mayfly +Running/m);
    expect(table.stdout).toBe("NAME   STATE\na      Running\n");
    expect(await host.call(["ls", "--filter", "size=1"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/Unsupported filter/),
    });
  });

  it("sets up shells, answers addresses, versions and help", async () => {
    await using host = await startShimHost();
    await host.call(["create", "default"]);
    const url = (await host.call(["url"])).stdout.trim();
    const env = { DOCKER_HOST: url, DOCKER_CERT_PATH: host.dir("default") };

    expect((await host.call(["env", "--shell", "sh"])).stdout).toBe(
      `export DOCKER_TLS_VERIFY="1"\nexport DOCKER_HOST="${url}"\nexport DOCKER_CERT_PATH="${host.dir("default")}"\nexport DOCKER_MACHINE_NAME="default"\n# eval $(docker-machine env --shell sh default)\n`,
    );
    expect((await host.call(["env", "--shell", "fish", "-u"])).stdout).toMatch(/^set -e DOCKER_TLS_VERIFY;\n/);
    expect((await host.call(["active"], env)).stdout).toBe("default\n");
    expect((await host.call(["active"])).exitCode).toBe(1);
    expect((await host.call(["ip"])).stdout).toMatch(/^\S+\n$/);
    expect((await host.call(["version"])).stdout).toMatch(/^docker-machine version 0\.16\.2, build mayfly-\d/);
    expect((await host.call(["version", "default"])).stdout).toBe("20.10.24\n");
    expect((await host.call(["provision", "default"])).exitCode).toBe(0);
    expect((await host.call(["--help"])).stdout).toMatch(/^Usage: docker-machine/);
    expect(await host.call(["start", "default"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/create another/),
    });
    expect(await host.call(["nonsense"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/is not a command/),
    });
  });
});

const pemOf = (dir: string, name: string): Buffer => readFileSync(join(dir, `${name}.pem`));
const certificateOf = (dir: string) => ({ ca: pemOf(dir, "ca"), cert: pemOf(dir, "cert"), key: pemOf(dir, "key") });

function addressFrom(url: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

/** What a server says first to who asks for its version; nothing when it hangs up. */
async function firstBytes(options: ConnectionOptions): Promise<string> {
  const socket = connect(options);
  socket.on("error", () => undefined);
  socket.write("GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  return (await bytesOf(socket)).toString();
}

async function bytesOf(socket: TLSSocket): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on("data", (part: Buffer) => parts.push(part));
  await new Promise((resolve) => socket.once("end", resolve).once("close", resolve));
  return Buffer.concat(parts);
}
