import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { createApiClient } from "../../src/api/client.ts";
import { findProcesses } from "../../src/drivers/qemu/processes.ts";
import type { Manager } from "../../src/ports/manager.ts";
import { runCustomJob, startInChild } from "../support/customRunner.ts";
import type { CustomRunnerOptions } from "../support/customRunner.ts";
import { startDaemonProcess } from "../support/daemon.ts";
import type { DaemonProcess } from "../support/daemon.ts";
import { DOCKER_IMAGE, ensureDockerImage } from "../support/dockerImage.ts";
import { startRegistry } from "../support/registry/start.ts";
import type { Registry } from "../support/registry/start.ts";
import { until } from "../support/until.ts";

/** Set by the integration tier's setup to where it built the guest image. */
const imagesDir = process.env["MAYFLY_TEST_IMAGES_DIR"];
const BUILD_DEADLINE_MS = 30 * 60_000;
const PAGE = "<h1>Welcome to nginx!</h1>";

describe.skipIf(imagesDir === undefined)("the custom executor on real machines (MAYFLY_TEST_IMAGES_DIR)", () => {
  const abort = new AbortController();
  let folder = "";
  let registry: Registry | undefined;
  let daemon: DaemonProcess | undefined;
  let client: Manager;
  let options: CustomRunnerOptions;
  let configPath = "";

  beforeAll(async () => {
    await ensureDockerImage(imagesDir ?? "", abort.signal);
    registry = await startRegistry({}, abort.signal);
    folder = await mkdtemp(join(tmpdir(), "mayfly-custom-"));
    configPath = join(folder, "mayfly.toml");
    await mkdir(join(folder, "state"), { mode: 0o700 });
    await symlink(imagesDir ?? "", join(folder, "state", "images"));
    await writeFile(configPath, configText(folder, registry.guestUrl));
    const helper = join(folder, "helper");
    await writeFile(helper, HELPER, { mode: 0o755 });
    daemon = startDaemonProcess(configPath);
    client = createApiClient(join(folder, "mayfly.sock"));
    options = {
      start: startInChild({ config: ["-c", configPath], prepare: ["--runner-helper", helper] }),
      env: {},
    };
    await until("the daemon answers", 60_000, () => client.health().catch(() => undefined));
  }, BUILD_DEADLINE_MS);

  afterAll(async () => {
    abort.abort();
    await daemon?.stop("SIGTERM");
    await registry?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const nothingLeft = (): Promise<unknown> =>
    until("no machine is left", 120_000, async () => {
      const processes = await findProcesses(join(folder, "state", "qemu"));
      return processes.size === 0 && (await client.jobs(false)).length === 0;
    });

  it("runs the example with a dind service and a web server, through a crash of the manager", async () => {
    const example = await exampleJob("services.gitlab-ci.yml");
    let isCrashed = false;
    const onOutput = (log: string): void => {
      if (isCrashed || !stripVTControlCharacters(log).includes("$ sleep 5")) return;
      isCrashed = true;
      void daemon?.stop("SIGKILL").then(() => {
        daemon = startDaemonProcess(configPath);
      });
    };

    const result = await runCustomJob(
      {
        id: 1,
        response: { image: { name: example.image }, services: example.services.map((name) => ({ name })) },
        stages: {
          // As root, for whom the files of a container are, with what the runner's scripts need.
          get_sources: ["git init -q . && git lfs version", "echo from the runner > file", "stat -c '%U %a' file"],
        },
        script: [...example.script, "cat file"],
      },
      { ...options, onOutput },
    );

    const log = stripVTControlCharacters(result.log);
    expect(isCrashed).toBe(true);
    expect(result.state, log).toBe("success");
    expect(log).toMatch(/git-lfs\/\d/);
    expect(log).toContain("root 666\n");
    expect(log).toContain(PAGE);
    expect(log).toMatch(
      /\$ docker ps -a.*\nCONTAINER ID\s+IMAGE\s+COMMAND\s+CREATED\s+STATUS\s+PORTS\s+NAMES\n.*\$ cat file/,
    );
    expect(log).toContain("from the runner\n");
    await nothingLeft();
  });

  it("runs a job without an image on its machine, with the runner's own program, to its own exit code", async () => {
    const result = await runCustomJob(
      {
        id: 2,
        script: ["sudo -n id -u", "docker info --format '{{.ServerVersion}}' >version", "exit 3"],
        afterScript: ["test -s version && whoami"],
        stages: { upload_artifacts_on_failure: ["gitlab-runner artifacts-uploader version"] },
      },
      options,
    );

    expect(result, result.log).toMatchObject({ state: "failed", reason: "script_failure", exitCode: 3 });
    expect(result.stdout).toContain("0\n");
    expect(result.stdout).toContain("runner\n");
    expect(result.stdout).toContain("helper: artifacts-uploader version\n");
    await nothingLeft();
    expect(await client.machines(true)).toHaveLength(2);
  });
});

/** What a stand-in for the runner's helper does. */
const HELPER = '#!/bin/sh\necho "helper: $*"\n';

interface ExampleJob {
  readonly image: string;
  readonly services: readonly string[];
  readonly script: readonly string[];
}

async function exampleJob(file: string): Promise<ExampleJob> {
  const text = await readFile(new URL(`../support/examples/${file}`, import.meta.url), "utf8");
  const [job] = Object.values(parse(text) as Record<string, ExampleJob>);
  if (job === undefined) throw new Error(`${file} has no job`);
  return job;
}

const configText = (folder: string, mirror: string): string => `name = "custom"
state_dir = ${JSON.stringify(join(folder, "state"))}
max_machines = 1

[api]
socket = ${JSON.stringify(join(folder, "mayfly.sock"))}

[[pool]]
name = "dind"
max_machines = 1
idle_count = 0
boot_timeout = "10m"

[pool.guest]
docker = "dind"
registry_mirror = "${mirror}"

[pool.qemu]
image = "${DOCKER_IMAGE}"
memory = "2GiB"
disk = "10GiB"
`;
