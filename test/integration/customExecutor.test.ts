import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApiClient } from "../../src/api/client.ts";
import { findProcesses } from "../../src/drivers/qemu/processes.ts";
import type { Manager } from "../../src/ports/manager.ts";
import { runCustomJob, startInChild } from "../support/customRunner.ts";
import type { CoordinatorResult, CustomRunnerOptions } from "../support/customRunner.ts";
import { recordStageOutput } from "../support/customStageOutput.ts";
import type { StageOutput } from "../support/customStageOutput.ts";
import { startDaemonProcess } from "../support/daemon.ts";
import type { DaemonProcess } from "../support/daemon.ts";
import { DOCKER_IMAGE, ensureDockerImage } from "../support/dockerImage.ts";
import { EXAMPLES, exampleJob, PATIENCE } from "../support/exampleJob.ts";
import { linesFrom, recordedOutput } from "../support/exampleOutput.ts";
import { artifactStages, cloneCommands } from "../support/gitlab/commands.ts";
import { startCoordinator } from "../support/gitlab/coordinator.ts";
import type { Coordinator } from "../support/gitlab/coordinator.ts";
import { STAND_IN_HELPER } from "../support/gitlab/helperImage.ts";
import type { CoordinatedJob, JobOrder } from "../support/gitlab/job.ts";
import { payloadOf } from "../support/gitlab/payload.ts";
import { startRegistry } from "../support/registry/start.ts";
import type { Registry } from "../support/registry/start.ts";
import { until } from "../support/until.ts";

/** Set by the integration tier's setup to where it built the guest image. */
const imagesDir = process.env["MAYFLY_TEST_IMAGES_DIR"];
const BUILD_DEADLINE_MS = 30 * 60_000;
const HOST_AS_GUESTS_SEE_IT = "10.0.2.2";
const BOOT_ID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

interface RanJob {
  readonly job: CoordinatedJob;
  readonly result: CoordinatorResult;
  readonly said: StageOutput;
}

describe.skipIf(imagesDir === undefined)("the custom executor on real machines (MAYFLY_TEST_IMAGES_DIR)", () => {
  const abort = new AbortController();
  const ran: RanJob[] = [];
  let folder = "";
  let registry: Registry | undefined;
  let gitlab: Coordinator | undefined;
  let daemon: DaemonProcess | undefined;
  let client: Manager;
  let options: CustomRunnerOptions;
  let configPath = "";

  beforeAll(async () => {
    await ensureDockerImage(imagesDir ?? "", abort.signal);
    registry = await startRegistry({}, abort.signal);
    gitlab = await startCoordinator({ jobHost: HOST_AS_GUESTS_SEE_IT, source: EXAMPLES });
    folder = await mkdtemp(join(tmpdir(), "mayfly-custom-"));
    configPath = join(folder, "mayfly.toml");
    await mkdir(join(folder, "state"), { mode: 0o700 });
    await symlink(imagesDir ?? "", join(folder, "state", "images"));
    await writeFile(configPath, configText(folder, registry.guestUrl));
    daemon = startDaemonProcess(configPath);
    client = createApiClient(join(folder, "mayfly.sock"));
    options = {
      start: startInChild({ config: ["-c", configPath], prepare: ["--runner-helper", STAND_IN_HELPER] }),
      env: {},
    };
    await until("the daemon answers", 60_000, () => client.health().catch(() => undefined));
  }, BUILD_DEADLINE_MS);

  afterAll(async () => {
    abort.abort();
    await daemon?.stop("SIGTERM");
    await registry?.stop();
    await gitlab?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  /** Runs a job as GitLab hands it to a runner, with the scripts that the runner writes for it. */
  const run = async (order: JobOrder, onOutput: (log: string) => void = () => undefined): Promise<RanJob> => {
    if (gitlab === undefined) throw new Error("there is no coordinator");
    const { jobUrl, sha } = gitlab;
    const job = gitlab.add(order);
    const sources = { repoUrl: `${jobUrl}/group/project.git`, sha };
    const said = recordStageOutput();
    const result = await runCustomJob(
      {
        id: job.id,
        response: payloadOf(job, jobUrl, sources),
        variables: { ...PATIENCE, CI_PROJECT_DIR: `/builds/group/${order.name}` },
        stages: {
          prepare_script: ["cat /proc/sys/kernel/random/boot_id"],
          // As root, for whom the files of a container are, with what the runner's scripts need.
          get_sources: [...cloneCommands(job, sources), "git lfs version", "stat -c '%U %a' docker-compose.yml"],
          ...artifactStages(job, jobUrl),
        },
        script: order.script,
        ...(order.afterScript === undefined ? {} : { afterScript: order.afterScript }),
      },
      {
        ...options,
        ...said.hooks,
        onOutput(log) {
          said.hooks.onOutput(log);
          onOutput(stripVTControlCharacters(log));
        },
      },
    );
    const done = { job, result, said };
    ran.push(done);
    return done;
  };

  const runExample = async (
    file: string,
    changes: Partial<JobOrder> = {},
    onOutput?: (log: string) => void,
  ): Promise<RanJob> => {
    const { folder: name, services, afterScript, ...example } = await exampleJob(file);
    const after = afterScript === undefined ? {} : { afterScript };
    return run({ ...example, name, services: services.map((one) => ({ name: one })), ...after, ...changes }, onOutput);
  };

  describe("with both examples at once, through a crash of the manager", () => {
    let isCrashed = false;
    let services: RanJob;
    let compose: RanJob;
    beforeAll(async () => {
      const crashOnce = (log: string): void => {
        if (isCrashed || !log.includes("$ sleep 5")) return;
        isCrashed = true;
        void daemon?.stop("SIGKILL").then(() => {
          daemon = startDaemonProcess(configPath);
        });
      };
      const leaves = { afterScript: ["mkdir out", "echo from an earlier job >out/made.txt"], artifacts: ["out/*.txt"] };
      [services, compose] = await Promise.all([
        runExample("services.gitlab-ci.yml", leaves, crashOnce),
        runExample("compose.gitlab-ci.yml"),
      ]);
    });

    it("both succeed, on files that the runner's git fetched for the job's container", () => {
      expect(isCrashed).toBe(true);
      for (const { result } of [services, compose]) {
        expect(result.state, result.log).toBe("success");
        expect(result.log).toMatch(/git-lfs\/\d/);
        expect(result.log).toContain("root 666\n");
      }
    });

    it("the services example says what it says everywhere", async () => {
      const { merged } = await recordedOutput("services");

      expect(linesFrom(services.said.textOf("build_script")), services.result.log).toEqual(merged);
    });

    it("the compose example says what it says everywhere", async () => {
      const { merged } = await recordedOutput("compose");
      const said = compose.said.textOf("build_script") + compose.said.textOf("after_script");

      expect(linesFrom(said), compose.result.log).toEqual(merged);
    });

    it("hands the files that a job leaves to a later one, without an image, which fails by its own exit code", async () => {
      const { result, said } = await run({
        ...{ name: "later", needs: [services.job], artifacts: ["version"], artifactsWhen: "always" as const },
        script: ["sudo -n id -u", "cat out/made.txt", "docker info --format '{{.ServerVersion}}' >version", "exit 3"],
        afterScript: ["test -s version && whoami"],
      });

      expect(result, result.log).toMatchObject({ state: "failed", reason: "script_failure", exitCode: 3 });
      expect(said.textOf("download_artifacts")).toContain(`ok id=${services.job.id}`);
      expect(linesFrom(said.textOf("build_script"))).toEqual(expect.arrayContaining(["0", "from an earlier job"]));
      expect(linesFrom(said.textOf("after_script"))).toContain("runner");
      expect(said.textOf("upload_artifacts_on_failure")).toContain("201 Created");
    });
  });

  it("every job had a machine of its own, and nothing of them is left", async () => {
    const bootIds = ran.map(({ said }) => BOOT_ID.exec(said.textOf("prepare_script"))?.[0]);
    const machines = await client.machines(true);

    expect(new Set(bootIds).size).toBe(3);
    expect(bootIds).not.toContain(undefined);
    expect(machines).toHaveLength(3);
    await until("no machine is left", 120_000, async () => {
      const processes = await findProcesses(join(folder, "state", "qemu"));
      const folders = await readdir(join(folder, "state", "qemu"));
      return processes.size === 0 && folders.length === 0 && (await client.jobs(false)).length === 0;
    });
  });
});

const configText = (folder: string, mirror: string): string => `name = "custom"
state_dir = ${JSON.stringify(join(folder, "state"))}
max_machines = 2

[api]
socket = ${JSON.stringify(join(folder, "mayfly.sock"))}

[[pool]]
name = "dind"
max_machines = 2
idle_count = 0
boot_timeout = "10m"

[pool.guest]
docker = "dind"
registry_mirror = "${mirror}"

[pool.qemu]
image = "${DOCKER_IMAGE}"
cpus = 1
memory = "2GiB"
disk = "10GiB"
`;
