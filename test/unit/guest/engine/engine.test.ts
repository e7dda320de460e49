import { once } from "node:events";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../../src/daemon/clock.ts";
import { createEngine } from "../../../../src/guest/engine/engine.ts";
import { openChannel } from "../../../../src/guest/handshake.ts";
import type { Channel } from "../../../../src/ports/channel.ts";
import type { Container, ContainerSpec, Engine } from "../../../../src/ports/engine.ts";
import type { FakeDocker } from "../../../support/fakeDocker.ts";
import { frame, json, startFakeDocker } from "../../../support/fakeDocker.ts";
import type { TestSshd } from "../../../support/sshd.ts";
import { startSshd } from "../../../support/sshd.ts";

const always = new AbortController().signal;

let sshd: TestSshd;
let docker: FakeDocker;
let channel: Channel;
let engine: Engine;

beforeAll(async () => {
  sshd = await startSshd();
});
afterAll(async () => {
  await sshd.stop();
});
beforeEach(async () => {
  docker = await startFakeDocker();
  channel = await openChannel(sshd.address, sshd.keys, sshd.user, 5_000, systemClock, always);
  engine = createEngine(channel, docker.socketPath);
});
afterEach(async () => {
  channel.close();
  await docker.stop();
});

const spec: ContainerSpec = {
  name: "job",
  image: "busybox",
  entrypoint: [""],
  command: ["sh", "-c", "true"],
  env: { GREETING: "hello\nworld" },
  user: "1000",
  workingDir: "/builds",
  binds: ["/builds:/builds"],
  network: "job-net",
  aliases: ["web", "db"],
  extraHosts: ["docker:host-gateway"],
  isPrivileged: true,
  hasStdin: true,
  labels: { "mayfly.job": "j-1" },
};

async function createdContainer(overrides: Partial<ContainerSpec> = {}): Promise<Container> {
  docker.on("POST /containers/create", json({ Id: "c1", Warnings: [] }, 201));
  return engine.createContainer({ ...spec, ...overrides }, always);
}

describe("the engine", () => {
  it("answers a ping, again and again over one stream", async () => {
    docker.on("GET /_ping", (response) => void response.end("OK"));

    for (let round = 0; round < 5; round += 1) await engine.ping(always);

    expect(docker.requests.map(({ line }) => line)).toEqual(Array.from({ length: 5 }, () => "GET /_ping"));
    expect(docker.connections).toBe(1);
  });

  it("opens another stream after the engine has closed an idle one", async () => {
    docker.on("GET /_ping", (response) => void response.writeHead(200, { connection: "close" }).end("OK"));

    await engine.ping(always);
    await engine.ping(always);

    expect(docker.connections).toBe(2);
  });

  it("is lost when nobody serves its socket, while the channel stays", async () => {
    docker.die();

    await expect(engine.ping(always)).rejects.toMatchObject({ name: "MachineLostError", code: "engine-lost" });
    const running = await channel.exec("echo alive", {}, always);
    expect(await text(running.stdout)).toBe("alive\n");
  });

  it("ends a call with the signal's reason", async () => {
    const abort = new AbortController();
    docker.on("GET /_ping", () => abort.abort(new Error("enough")));

    await expect(engine.ping(abort.signal)).rejects.toThrow("enough");
  });

  it("tells an image's ports, entrypoint and command", async () => {
    const Config = { ExposedPorts: { "443/tcp": {}, "53/udp": {}, "80/tcp": {} }, Entrypoint: ["/go"], Cmd: null };
    docker.on("GET /images/registry.example%3A5000/nginx%3A1/json", json({ Id: "sha256:1", Config }));

    expect(await engine.inspectImage("registry.example:5000/nginx:1", always)).toEqual({
      id: "sha256:1",
      exposedTcpPorts: [80, 443],
      entrypoint: ["/go"],
      command: [],
    });
  });

  it("says that an image is not there, and that a name is none", async () => {
    docker.on("GET /images/missing/json", json({ message: "No such image: missing:latest" }, 404));
    docker.on("GET /images/no%20name/json", json({ message: "invalid reference format" }, 400));

    await expect(engine.inspectImage("missing", always)).rejects.toMatchObject({ name: "NotFoundError" });
    await expect(engine.inspectImage("no name", always)).rejects.toMatchObject({
      name: "JobError",
      message: 'Cannot inspect the image "no name": invalid reference format',
    });
  });

  it("creates a network and answers its gateway; removing one that is gone succeeds", async () => {
    docker.on("POST /networks/create", json({ Id: "n1" }, 201));
    docker.on("GET /networks/n1", json({ IPAM: { Config: [{ Subnet: "172.18.0.0/16", Gateway: "172.18.0.1" }] } }));
    docker.on("DELETE /networks/job-net", json({ message: "network job-net not found" }, 404));

    expect(await engine.createNetwork("job-net", always)).toEqual({ gateway: "172.18.0.1" });
    await engine.removeNetwork("job-net", always);
  });
});

describe("a pull", () => {
  const lines = (...events: object[]) => events.map((event) => `${JSON.stringify(event)}\r\n`).join("");

  it("asks for latest where no tag is named, with the credentials in their header alone", async () => {
    docker.on("POST /images/create", (response) => void response.end(lines({ status: "Status: Downloaded" })));
    const auth = { username: "me", password: "hush", serverAddress: "registry.example:5000" };

    await engine.pull("registry.example:5000/team/app", auth, () => {}, always);

    const [request] = docker.requests;
    expect(Object.fromEntries(request?.query ?? [])).toEqual({
      fromImage: "registry.example:5000/team/app",
      tag: "latest",
    });
    const header = Buffer.from(String(request?.headers["x-registry-auth"]), "base64url").toString();
    expect(JSON.parse(header)).toEqual({ username: "me", password: "hush", serveraddress: "registry.example:5000" });
  });

  it.each(["nginx:1.25", "registry.example:5000/a:b", "nginx@sha256:abc"])("takes %s as it is", async (image) => {
    docker.on("POST /images/create", (response) => void response.end(lines({ status: "Status: Downloaded" })));

    await engine.pull(image, undefined, () => {}, always);

    expect(Object.fromEntries(docker.requests[0]?.query ?? [])).toEqual({ fromImage: image });
  });

  it("says what it fetches and each layer once, however often the engine ticks", async () => {
    const said: string[] = [];
    const tick = (id: string, current: number, total: number) => ({
      status: "Downloading",
      id,
      progressDetail: { current, total },
    });
    docker.on("POST /images/create", (response) => {
      response.write(lines({ status: "Pulling from library/nginx", id: "latest" }));
      response.write(lines({ status: "Pulling fs layer", progressDetail: {}, id: "a" }));
      response.write(lines({ status: "Pulling fs layer", progressDetail: {}, id: "b" }));
      for (let current = 0; current < 50; current += 1) response.write(lines(tick("a", current, 2_500_000)));
      response.write(lines({ status: "Pull complete", progressDetail: {}, id: "a" }));
      response.write(lines(tick("b", 1, 400_000)));
      response.write(lines({ status: "Pull complete", progressDetail: {}, id: "b" }));
      response.end(lines({ status: "Status: Downloaded newer image for nginx:latest" }));
    });

    await engine.pull("nginx", undefined, (text) => said.push(text), always);

    expect(said).toEqual([
      "Pulling from library/nginx",
      "Layer 1 of 2 complete (2.5 MB)",
      "Layer 2 of 2 complete (0.4 MB)",
      "Status: Downloaded newer image for nginx:latest",
    ]);
  });

  it.each([
    ["at once", json({ message: "pull access denied for x, repository does not exist" }, 404)],
    [
      "on the way",
      (response: { end(text: string): void }) =>
        response.end(
          lines(
            { status: "Pulling from x" },
            { error: "pull access denied for x, repository does not exist", errorDetail: {} },
          ),
        ),
    ],
  ])("fails with the registry's words when refused %s", async (_when, answer) => {
    docker.on("POST /images/create", answer);

    await expect(engine.pull("x", undefined, () => {}, always)).rejects.toMatchObject({
      name: "JobError",
      code: "image-pull-failed",
      message: 'cannot pull image "x": pull access denied for x, repository does not exist',
    });
  });

  it("is not taken for complete when the engine dies on the way", async () => {
    docker.on("POST /images/create", (response) => {
      response.write(lines({ status: "Pulling from x" }));
    });

    const pull = engine.pull("x", undefined, () => docker.die(), always);

    await expect(pull).rejects.toMatchObject({ name: "MachineLostError", code: "engine-lost" });
  });

  it("stops on abort", async () => {
    const abort = new AbortController();
    docker.on("POST /images/create", (response) => {
      response.write(lines({ status: "Pulling from x" }));
    });

    const pull = engine.pull("x", undefined, () => abort.abort(new Error("enough")), abort.signal);

    await expect(pull).rejects.toThrow("enough");
  });
});

describe("a container", () => {
  it("is created as asked", async () => {
    await createdContainer();

    const [request] = docker.requests;
    expect(request?.query.get("name")).toBe("job");
    expect(JSON.parse(request?.body ?? "")).toMatchObject({
      Image: "busybox",
      Entrypoint: [""],
      Cmd: ["sh", "-c", "true"],
      Env: ["GREETING=hello\nworld"],
      User: "1000",
      WorkingDir: "/builds",
      OpenStdin: true,
      Labels: { "mayfly.job": "j-1" },
      HostConfig: {
        Binds: ["/builds:/builds"],
        ExtraHosts: ["docker:host-gateway"],
        Privileged: true,
        NetworkMode: "job-net",
      },
      NetworkingConfig: { EndpointsConfig: { "job-net": { Aliases: ["web", "db"] } } },
    });
  });

  it("keeps the image's own entrypoint, command, user and folder where none are given", async () => {
    await createdContainer({ entrypoint: undefined, command: undefined, user: undefined, workingDir: undefined });

    const body = JSON.parse(docker.requests[0]?.body ?? "") as object;
    expect(Object.keys(body)).not.toEqual(expect.arrayContaining(["Entrypoint"]));
    for (const key of ["Cmd", "User", "WorkingDir"]) expect(body).not.toHaveProperty(key);
  });

  it("gives its output in order, frames taken off, and takes stdin", async () => {
    const container = await createdContainer();
    docker.onAttach((socket) => {
      socket.on("data", (chunk: Buffer) => {
        const bytes = Buffer.concat([
          frame("stdout", "one "),
          frame("stderr", "two "),
          frame("stdout", `heard ${chunk.toString()}`),
        ]);
        // Cut in the middle of a header and of a payload.
        socket.write(bytes.subarray(0, 3));
        socket.write(bytes.subarray(3, 15));
        socket.end(bytes.subarray(15));
      });
    });

    const { stdin, output } = await container.attach(always);
    stdin.write("hello");

    expect(await text(output)).toBe("one two heard hello");
  });

  it("holds the engine back while nobody reads its output", async () => {
    const container = await createdContainer();
    let written = 0;
    let isDone = false;
    const writeAll = async (socket: Duplex): Promise<void> => {
      const bytes = frame("stdout", Buffer.alloc(1_000_000, 65));
      while (written < 100_000_000) {
        written += 1_000_000;
        if (!socket.write(bytes)) await once(socket, "drain");
      }
      isDone = true;
      socket.end();
    };
    docker.onAttach((socket) => void writeAll(socket));
    docker.on("GET /_ping", (response) => void response.end("OK"));

    const { output } = await container.attach(always);
    for (let round = 0; round < 50; round += 1) await engine.ping(always);

    expect(isDone).toBe(false);
    let length = 0;
    for await (const chunk of output as AsyncIterable<Buffer>) length += chunk.length;
    expect(length).toBe(100_000_000);
  });

  it("fails its output when the channel is lost", async () => {
    const container = await createdContainer();
    docker.onAttach((socket) => void socket.write(frame("stdout", "begin")));
    const { output } = await container.attach(always);
    const reading = text(output);

    channel.close();

    await expect(reading).rejects.toMatchObject({ name: "MachineLostError" });
  });

  it("answers its exit code, however long that takes after the answer's head", async () => {
    const container = await createdContainer();
    const head = Promise.withResolvers<() => void>();
    docker.on("POST /containers/c1/wait", (response) => {
      response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
      head.resolve(() => response.end(JSON.stringify({ Error: null, StatusCode: 42 })));
    });

    const waiting = container.wait(always);
    (await head.promise)();

    expect(await waiting).toBe(42);
  });

  it("stops waiting when the engine dies, and when the channel ends", async () => {
    const container = await createdContainer();
    const asked = Promise.withResolvers<void>();
    docker.on("POST /containers/c1/wait", (response) => {
      response.writeHead(200).flushHeaders();
      asked.resolve();
    });
    const byEngine = container.wait(always);
    await asked.promise;
    docker.die();
    await expect(byEngine).rejects.toMatchObject({ name: "MachineLostError", code: "engine-lost" });

    channel.close();
    await expect(container.wait(always)).rejects.toMatchObject({ name: "MachineLostError" });
  });

  it("takes what is stopped or gone for killed and removed", async () => {
    const container = await createdContainer();
    docker.on("POST /containers/c1/kill", json({ message: "Container c1 is not running" }, 409));
    docker.on("DELETE /containers/c1", json({ message: "No such container: c1" }, 404));

    await container.kill(always);
    await container.remove(always);

    expect(docker.requests.at(-1)?.query.get("v")).toBe("true");
  });

  it("tells the last lines of its log", async () => {
    const container = await createdContainer();
    docker.on("GET /containers/c1/logs", (response) => {
      response.end(Buffer.concat([frame("stdout", "up\n"), frame("stderr", "broken\n")]));
    });

    expect(await container.tail(20, always)).toBe("up\nbroken\n");
    expect(docker.requests.at(-1)?.query.get("tail")).toBe("20");
  });

  it("tells its address on its own network", async () => {
    const container = await createdContainer();
    docker.on(
      "GET /containers/c1/json",
      json({
        State: { Running: true, ExitCode: 0 },
        NetworkSettings: { Networks: { "job-net": { IPAddress: "172.18.0.2" } } },
      }),
    );

    expect(await container.inspect(always)).toEqual({ isRunning: true, exitCode: 0, ipAddress: "172.18.0.2" });
  });

  it("names what the engine refused, in the engine's words", async () => {
    const container = await createdContainer();
    docker.on("POST /containers/c1/start", json({ message: 'exec: "nope": executable file not found in $PATH' }, 400));

    await expect(container.start(always)).rejects.toMatchObject({
      name: "JobError",
      code: "engine-refused",
      message: 'Cannot start the container "job": exec: "nope": executable file not found in $PATH',
    });
  });
});
