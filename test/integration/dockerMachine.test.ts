import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { PassThrough } from "node:stream";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import Docker from "dockerode";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApiClient } from "../../src/api/client.ts";
import type { Outcome } from "../support/cli.ts";
import { startDaemonProcess } from "../support/daemon.ts";
import type { DaemonProcess } from "../support/daemon.ts";
import { DOCKER_IMAGE, ensureDockerImage } from "../support/dockerImage.ts";
import { makeRealState } from "../support/realState.ts";
import type { RealState } from "../support/realState.ts";
import { startRegistry } from "../support/registry/start.ts";
import type { Registry } from "../support/registry/start.ts";
import { runShim } from "../support/shimHost.ts";
import { until } from "../support/until.ts";

// What a runner's docker+machine executor does for a job of the first example pipeline, on a real machine: its calls of
// docker-machine, and between them its calls of the machine's engine, over TLS.

/** Set by the integration tier's setup to where it built the guest image. */
const imagesDir = process.env["MAYFLY_TEST_IMAGES_DIR"];
const BUILD_DEADLINE_MS = 30 * 60_000;
const MINUTE_MS = 60_000;
const NAME = "runner-abc-auto-1700000000-deadbeef";
const BUG = "--bugsnag-api-token=no-report";
/** As in `services.gitlab-ci.yml`, after the runner's own wait for its services. */
const SCRIPT = `until docker info >/dev/null 2>&1; do sleep 1; done
wget -q -O - http://nginx:80
docker ps -a
`;
const hasDocker = (process.env["PATH"] ?? "").split(delimiter).some((dir) => existsSync(join(dir, "docker")));

describe.skipIf(imagesDir === undefined)("docker-machine on a real machine (MAYFLY_TEST_IMAGES_DIR)", () => {
  const abort = new AbortController();
  let state: RealState;
  let registry: Registry | undefined;
  let daemon: DaemonProcess;
  let config: string;
  let url: string;
  let certPath: string;

  const shim = (...args: readonly string[]): Promise<Outcome> =>
    runShim([BUG, ...args], {
      MACHINE_STORAGE_PATH: join(state.stateDir, "machine"),
      MAYFLY_SOCKET: join(state.stateDir, "mayfly.sock"),
    });
  const said = async (...args: readonly string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await shim(...args);
    expect({ exitCode, stderr }, stdout).toEqual({ exitCode: 0, stderr: "" });
    return stdout.trim();
  };

  beforeAll(async () => {
    await ensureDockerImage(imagesDir ?? "", abort.signal);
    registry = await startRegistry({}, abort.signal);
    state = await makeRealState();
    config = await state.writeConfig(poolText(registry.guestUrl));
    daemon = startDaemonProcess(config);
  }, BUILD_DEADLINE_MS);
  afterAll(async () => {
    abort.abort();
    await daemon?.stop("SIGKILL");
    await state?.remove();
    await registry?.stop();
  });

  it("creates one, and finds it again after kill -9 of the manager, at the same place", async () => {
    await said("create", "--driver", "mayfly", NAME);
    url = await said("url", NAME);
    certPath = await said("inspect", NAME, "-f", "{{.HostOptions.AuthOptions.StorePath}}");

    await daemon.stop("SIGKILL");
    daemon = startDaemonProcess(config);
    await until("the manager is back", MINUTE_MS, () =>
      createApiClient(join(state.stateDir, "mayfly.sock"))
        .health()
        .catch(() => undefined),
    );

    expect(await said("config", NAME)).toContain(`-H=${url}`);
    expect(await said("url", NAME)).toBe(url);
  });

  it("runs a job in containers as a runner does, its script through the stdin of an attached one", async () => {
    const docker = dockerAt(url, certPath);
    const images = ["docker:dind", "nginx", "docker:24.0.7"];
    for (const image of images) await pull(docker, image);
    const binds = ["certs:/certs/client"];
    const services = [
      await docker.createContainer({ Image: "docker:dind", HostConfig: { Privileged: true, Binds: binds } }),
      await docker.createContainer({ Image: "nginx" }),
    ];
    for (const service of services) await service.start();
    const [dind, nginx] = services.map(({ id }) => id);

    const build = await docker.createContainer({
      ...{ Image: "docker:24.0.7", Cmd: ["sh"], OpenStdin: true, StdinOnce: true, AttachStdin: true },
      HostConfig: { Privileged: true, Binds: binds, Links: [`${dind}:docker`, `${nginx}:nginx`] },
    });
    const attached = (await build.attach({
      ...{ stream: true, stdin: true, stdout: true, stderr: true, hijack: true },
    })) as Duplex;
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    docker.modem.demuxStream(attached, stdout, stderr);
    attached.once("end", () => {
      stdout.end();
      stderr.end();
    });
    const output = Promise.all([text(stdout), text(stderr)]);
    await build.start();
    attached.end(SCRIPT);
    const { StatusCode } = (await build.wait()) as { StatusCode: number };
    const [out, err] = await output;

    expect({ StatusCode, err }).toEqual({ StatusCode: 0, err: "" });
    expect(out).toContain("<h1>Welcome to nginx!</h1>");
    expect(out.trim().split("\n").at(-1)).toMatch(
      /^CONTAINER ID\s+IMAGE\s+COMMAND\s+CREATED\s+STATUS\s+PORTS\s+NAMES$/,
    );
    for (const container of [build, ...services]) await container.remove({ force: true, v: true });
  });

  it.skipIf(!hasDocker)("serves the docker command line (docker on the PATH), interactive runs included", async () => {
    const env = {
      ...process.env,
      ...{ DOCKER_HOST: url, DOCKER_CERT_PATH: certPath, DOCKER_TLS_VERIFY: "1", DOCKER_CONFIG: state.stateDir },
    };
    const running = promisify(execFile)("docker", ["run", "--rm", "-i", "docker:24.0.7", "sh"], { env });
    running.child.stdin?.end("echo in a container; exit 3\n");

    await expect(running).rejects.toMatchObject({ code: 3, stdout: "in a container\n" });
  });

  it("runs commands and copies files over the manager's connection", async () => {
    const file = join(state.stateDir, "file");
    expect(await said("ssh", NAME, "echo $((6 * 7)) > there; cat there")).toBe("42");
    await said("scp", `${NAME}:there`, file);

    expect(readFileSync(file, "utf8")).toBe("42\n");
    expect((await shim("ssh", NAME, "exit 7")).exitCode).toBe(7);
  });

  it("removes it at once, and nothing is left", async () => {
    await said("stop", NAME);
    await said("rm", "-y", NAME);

    expect(existsSync(certPath)).toBe(false);
    await until("nothing is left of it", MINUTE_MS, async () => (await state.leftovers()).length === 0);
    expect(await shim("rm", "-f", NAME)).toMatchObject({ exitCode: 0 });
  });
});

const poolText = (registryMirror: string): string => `
[[pool]]
name = "small"
max_machines = 1
idle_count = 0
boot_timeout = "10m"
[pool.guest]
registry_mirror = "${registryMirror}"
[pool.qemu]
image = "${DOCKER_IMAGE}"
memory = "2GiB"
disk = "10GiB"
`;

/** A client with what the directory of the machine holds, and nothing else. */
function dockerAt(url: string, certPath: string): Docker {
  const { hostname, port } = new URL(url);
  const pem = (name: string): string => readFileSync(join(certPath, name), "utf8");
  const tls = { ca: pem("ca.pem"), cert: pem("cert.pem"), key: pem("key.pem") };
  return new Docker({ protocol: "https", host: hostname, port: Number(port), ...tls });
}

async function pull(docker: Docker, image: string): Promise<void> {
  const progress = await docker.pull(image.includes(":") ? image : `${image}:latest`);
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(progress, (error) => (error === null ? resolve() : reject(error)));
  });
}
