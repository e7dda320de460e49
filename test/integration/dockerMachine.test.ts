import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApiClient } from "../../src/api/client.ts";
import type { Manager } from "../../src/ports/manager.ts";
import type { Outcome } from "../support/cli.ts";
import { startDaemonProcess } from "../support/daemon.ts";
import type { DaemonProcess } from "../support/daemon.ts";
import { DOCKER_IMAGE, ensureDockerImage } from "../support/dockerImage.ts";
import { exampleFile, exampleJob, PATIENCE } from "../support/exampleJob.ts";
import { linesFrom, recordedOutput } from "../support/exampleOutput.ts";
import { HELPER_IMAGE, STAND_IN_HELPER, storeHelperImage } from "../support/gitlab/helperImage.ts";
import type { HelperStorage } from "../support/gitlab/helperImage.ts";
import { runDockerJob } from "../support/machineRunner/dockerJob.ts";
import type { DockerJobResult } from "../support/machineRunner/dockerJob.ts";
import { dockerAt } from "../support/machineRunner/engine.ts";
import { createMachine, removeMachine, said } from "../support/machineRunner/machine.ts";
import type { MachineCredentials } from "../support/machineRunner/machine.ts";
import { makeRealState } from "../support/realState.ts";
import type { RealState } from "../support/realState.ts";
import { startRegistry } from "../support/registry/start.ts";
import type { Registry } from "../support/registry/start.ts";
import { runShim } from "../support/shimHost.ts";
import { until } from "../support/until.ts";

// What a runner's docker+machine executor does for the example pipelines, on real machines: its calls of docker-machine, and
// between them its calls of the machines' engines, over TLS.

/** Set by the integration tier's setup to where it built the guest image. */
const imagesDir = process.env["MAYFLY_TEST_IMAGES_DIR"];
const BUILD_DEADLINE_MS = 30 * 60_000;
const MINUTE_MS = 60_000;
const NAMES = { services: "runner-abc-auto-1700000000-deadbeef", compose: "runner-abc-auto-1700000001-deadbeef" };
/** As users with dind services have it, the machine's mirror handed on to them. */
const DOCKER = {
  environment: PATIENCE,
  helperImage: HELPER_IMAGE,
  isPrivileged: true,
  volumes: ["/certs/client", "/etc/docker/daemon.json:/etc/docker/daemon.json:ro"],
};
const hasDocker = (process.env["PATH"] ?? "").split(delimiter).some((dir) => existsSync(join(dir, "docker")));

describe.skipIf(imagesDir === undefined)("docker-machine on real machines (MAYFLY_TEST_IMAGES_DIR)", () => {
  const abort = new AbortController();
  const machines: Record<keyof typeof NAMES, MachineCredentials> = {} as never;
  let state: RealState;
  let helper: HelperStorage | undefined;
  let registry: Registry | undefined;
  let daemon: DaemonProcess;
  let client: Manager;
  let storagePath = "";

  const shim = (...args: readonly string[]): Promise<Outcome> =>
    runShim(args, { MACHINE_STORAGE_PATH: storagePath, MAYFLY_SOCKET: join(state.stateDir, "mayfly.sock") });

  beforeAll(async () => {
    await ensureDockerImage(imagesDir ?? "", abort.signal);
    helper = await storeHelperImage(STAND_IN_HELPER, abort.signal);
    registry = await startRegistry({ storage: helper.storage }, abort.signal);
    state = await makeRealState();
    storagePath = join(state.stateDir, "machine");
    client = createApiClient(join(state.stateDir, "mayfly.sock"));
    daemon = startDaemonProcess(await state.writeConfig(poolText(registry.guestUrl)));
  }, BUILD_DEADLINE_MS);
  afterAll(async () => {
    abort.abort();
    await daemon?.stop("SIGKILL");
    await state?.remove();
    await registry?.stop();
    await helper?.[Symbol.asyncDispose]();
  });

  it("creates two at once, and finds one again after kill -9 of the manager, at the same place", async () => {
    const other = createMachine(shim, NAMES.compose);
    other.catch(() => undefined);
    let before = "";
    machines.services = await createMachine(shim, NAMES.services, async () => {
      before = await said(shim, "url", NAMES.services);
      machines.compose = await other;
      await daemon.stop("SIGKILL");
      daemon = startDaemonProcess(join(state.stateDir, "mayfly.toml"));
      await until("the manager is back", MINUTE_MS, () => client.health().catch(() => undefined));
    });

    expect(machines.services.url).toBe(before);
    expect(await said(shim, "config", NAMES.services)).toContain(`-H=${before}`);
  });

  describe("runs the example pipelines in containers as a runner does", () => {
    let services: DockerJobResult;
    let compose: DockerJobResult;
    beforeAll(async () => {
      const [one, other] = [await exampleJob("services.gitlab-ci.yml"), await exampleJob("compose.gitlab-ci.yml")];
      const file = await exampleFile("docker-compose.yml");
      [services, compose] = await Promise.all([
        runDockerJob({ id: 1, ...one, getSources: ["true"] }, dockerAt(machines.services), DOCKER),
        runDockerJob(
          { id: 2, ...other, getSources: [`cat >docker-compose.yml <<'END'\n${file}END`] },
          dockerAt(machines.compose),
          DOCKER,
        ),
      ]);
    });

    it("says what the services example says everywhere", async () => {
      const recorded = await recordedOutput("services");

      expect(services.exitCode, JSON.stringify(services, undefined, 2)).toBe(0);
      expect(linesFrom(services.stdout)).toEqual(recorded.stdout);
      expect(linesFrom(services.stderr)).toEqual(recorded.stderr);
    });

    it("says what the compose example says everywhere", async () => {
      const recorded = await recordedOutput("compose");

      expect(compose.exitCode, JSON.stringify(compose, undefined, 2)).toBe(0);
      expect(linesFrom(compose.stdout)).toEqual(recorded.stdout);
      expect(linesFrom(compose.stderr)).toEqual(recorded.stderr);
    });

    it("gives each a machine of its own", async () => {
      const leases = await client.leases(false);

      expect(new Set(leases.map(({ lease }) => ("machineId" in lease ? lease.machineId : undefined))).size).toBe(2);
      expect(services.engineId).not.toBe(compose.engineId);
    });
  });

  it.skipIf(!hasDocker)("serves the docker command line (docker on the PATH), interactive runs included", async () => {
    const { url, certPath } = machines.services;
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
    expect(await said(shim, "ssh", NAMES.services, "echo $((6 * 7)) > there; cat there")).toBe("42");
    await said(shim, "scp", `${NAMES.services}:there`, file);

    expect(readFileSync(file, "utf8")).toBe("42\n");
    expect((await shim("ssh", NAMES.services, "exit 7")).exitCode).toBe(7);
  });

  it("removes them at once, and nothing is left", async () => {
    await Promise.all(Object.values(NAMES).map((name) => removeMachine(shim, name)));

    expect(readdirSync(join(storagePath, "machines"))).toEqual([]);
    await until("nothing is left of them", MINUTE_MS, async () => (await state.leftovers()).length === 0);
    expect(await shim("rm", "-f", NAMES.services)).toMatchObject({ exitCode: 0 });
  });
});

const poolText = (registryMirror: string): string => `
[[pool]]
name = "small"
max_machines = 2
idle_count = 0
boot_timeout = "10m"
[pool.guest]
registry_mirror = "${registryMirror}"
[pool.qemu]
image = "${DOCKER_IMAGE}"
cpus = 1
memory = "2GiB"
disk = "10GiB"
`;
