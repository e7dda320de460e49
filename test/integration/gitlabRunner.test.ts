import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createApiClient } from "../../src/api/client.ts";
import type { Manager } from "../../src/ports/manager.ts";
import { CLI } from "../support/cli.ts";
import { startDaemonProcess } from "../support/daemon.ts";
import type { DaemonProcess } from "../support/daemon.ts";
import { DOCKER_IMAGE, ensureDockerImage } from "../support/dockerImage.ts";
import { startCoordinator } from "../support/gitlab/coordinator.ts";
import type { Coordinator } from "../support/gitlab/coordinator.ts";
import { findRunner, startRunner } from "../support/gitlab/runner.ts";
import type { RunnerProcess } from "../support/gitlab/runner.ts";
import { HELPER_IMAGE, storeHelperImage } from "../support/gitlab/helperImage.ts";
import type { HelperStorage } from "../support/gitlab/helperImage.ts";
import { makeRealState } from "../support/realState.ts";
import type { RealState } from "../support/realState.ts";
import { startRegistry } from "../support/registry/start.ts";
import type { Registry } from "../support/registry/start.ts";
import { until } from "../support/until.ts";

// A real gitlab-runner, driven by a small GitLab of ours: what the runner does is not ours to invent. It brings itself: where there
// is none on the PATH, these tests are skipped by name.

const program = findRunner() ?? "";
const imagesDir = process.env["MAYFLY_TEST_IMAGES_DIR"];
const isAbsent = program === "" || imagesDir === undefined;
/** Long enough for a guest image with the stand-ins under software emulation on a busy host. */
const BUILD_DEADLINE_MS = 30 * 60_000;
const MINUTE_MS = 60_000;
const PAGE = "<h1>Welcome to nginx!</h1>";

const HOST_AS_GUESTS_SEE_IT = "10.0.2.2";
const BOOT_ID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
const POOLS = `
[[pool]]
name = "small"
max_machines = 2
idle_count = 1
boot_timeout = "10m"
[pool.guest]
registry_mirror = "MIRROR"
[pool.qemu]
image = "${DOCKER_IMAGE}"
memory = "1GiB"
disk = "10GiB"
`;
const stageText = (stage: string): string =>
  `  ${stage}_exec = "${process.execPath}"\n  ${stage}_args = ["${CLI}", "custom-executor", "${stage}"]\n`;
const CUSTOM = `  [runners.custom]\n${["config", "prepare", "run", "cleanup"].map(stageText).join("")}`;
// As users have it, but for the driver's name and the images, which have to come from here.
const MACHINE = `  [runners.docker]
    image = "busybox"
    helper_image = "${HELPER_IMAGE}"
    disable_cache = true
  [runners.machine]
    IdleCount = 0
    MaxBuilds = 1
    MachineDriver = "mayfly"
    MachineName = "auto-%s"
`;
const SHIM = fileURLToPath(new URL("../../src/fleet/docker-machine/main.ts", import.meta.url));

const abort = new AbortController();
let helper: HelperStorage;
let registry: Registry;
let state: RealState;
let daemon: DaemonProcess;
let client: Manager;
let gitlab: Coordinator;
let runner: RunnerProcess | undefined;

describe.skipIf(isAbsent)("a real gitlab-runner (one on the PATH) on real machines", () => {
  beforeAll(async () => {
    await ensureDockerImage(imagesDir ?? "", abort.signal);
    helper = await storeHelperImage(program, abort.signal);
    registry = await startRegistry({ storage: helper.storage }, abort.signal);
    state = await makeRealState();
    const config = await state.writeConfig(POOLS.replace("MIRROR", registry.guestUrl));
    daemon = startDaemonProcess(config);
    client = createApiClient(socketPath());
    await until("the daemon answers", MINUTE_MS, () => client.health().catch(() => undefined));
    gitlab = await startCoordinator({ jobHost: HOST_AS_GUESTS_SEE_IT, longPollMs: 2_000 });
  }, BUILD_DEADLINE_MS);

  afterEach(async () => {
    await runner?.[Symbol.asyncDispose]();
    runner = undefined;
  });

  afterAll(async () => {
    abort.abort();
    await gitlab?.[Symbol.asyncDispose]();
    await daemon?.stop("SIGTERM");
    const left = await state?.leftovers();
    await registry?.stop();
    await helper?.[Symbol.asyncDispose]();
    await state?.remove();
    expect(left).toEqual([]);
  });

  describe("through the custom executor", () => {
    it("clones a job's code onto its machine, runs its script and after_script, and reports its exit code", async () => {
      runner = await startRunner({ ...base(), tables: CUSTOM });
      const job = gitlab.add({ script: ["whoami", "cat README.md", "exit 42"], afterScript: ["echo afterwards"] });

      const { trace, ...end } = await job.ended.promise;

      const lines = linesOf(trace);
      expect(end, `${trace}\n${runner.log()}`).toEqual({
        state: "failed",
        exitCode: 42,
        failureReason: "script_failure",
      });
      expect(lines).toEqual(expect.arrayContaining(["runner", "A project.", "afterwards"]));
      await expectNothingHeld();
    });

    it("runs a job in its image, beside its service", async () => {
      runner = await startRunner({ ...base(), tables: CUSTOM });
      const job = gitlab.add({
        ...{ image: "busybox", services: [{ name: "nginx", alias: "web" }] },
        script: ["cat README.md", "wget -qO- http://web"],
      });

      const { trace, ...end } = await job.ended.promise;

      expect(end, `${trace}\n${runner.log()}`).toMatchObject({ state: "success" });
      expect(linesOf(trace)).toEqual(expect.arrayContaining(["A project.", PAGE]));
      await expectNothingHeld();
    });

    it("stops a script that GitLab cancels, still runs its after_script, and gives the machine back", async () => {
      runner = await startRunner({ ...base(), tables: CUSTOM });
      const job = gitlab.add({ script: ["echo begun", "sleep 600"], afterScript: ["echo afterwards"] });
      await until("the script has begun", 5 * MINUTE_MS, async () => linesOf(`${job.trace}`).includes("begun"));

      gitlab.cancel(job, "gracefully");
      const { trace, state: end } = await job.ended.promise;

      expect(end).toBe("canceled");
      expect(linesOf(trace)).toContain("afterwards");
      await expectNothingHeld();
    });

    it("leaves nothing behind when it is killed under two jobs, each of which had a machine of its own", async () => {
      runner = await startRunner({ ...base(), tables: CUSTOM.replace('"prepare"]', '"prepare", "--ttl", "20s"]') });
      const jobs = [1, 2].map(() =>
        gitlab.add({ script: ["cat /proc/sys/kernel/random/boot_id", "echo begun", "sleep 600"] }),
      );
      await until("both have begun", 5 * MINUTE_MS, async () =>
        jobs.every((job) => linesOf(`${job.trace}`).includes("begun")),
      );

      await runner.kill();

      const [first = "", second = ""] = jobs.map((job) => BOOT_ID.exec(`${job.trace}`)?.[0] ?? "");
      expect(first).toMatch(BOOT_ID);
      expect(first).not.toBe(second);
      await expectNothingHeld();
      for (const job of jobs) gitlab.cancel(job, "at-once");
    });
  });

  describe("through docker+machine and docker-machine", () => {
    it("runs a job in its image, beside its service, on a machine that is created for it and removed after it", async () => {
      const path = await installShim();
      const env = { ...base().env, PATH: `${path}:${process.env["PATH"]}` };
      runner = await startRunner({ ...base(), executor: "docker+machine", tables: MACHINE, env });
      const job = gitlab.add({
        ...{ image: "busybox", services: [{ name: "nginx", alias: "web" }], variables: { GIT_STRATEGY: "none" } },
        ...{ script: ["wget -qO- http://web", "exit 42"], afterScript: ["echo afterwards"] },
      });

      const { trace, ...end } = await job.ended.promise;

      expect(end, `${trace}\n${runner.log()}`).toEqual({
        state: "failed",
        exitCode: 42,
        failureReason: "script_failure",
      });
      expect(linesOf(trace)).toEqual(expect.arrayContaining([PAGE, "afterwards"]));
      await expectNothingHeld();
      const [last] = (await client.leases(true)).toReversed();
      expect(last?.lease).toMatchObject({ state: "ended", outcome: "released" });
    });
  });
});

const socketPath = (): string => join(state.stateDir, "mayfly.sock");
const base = () => ({
  program,
  coordinator: gitlab,
  executor: "custom" as const,
  env: { MAYFLY_SOCKET: socketPath() },
});

/** Puts a `docker-machine` where a PATH can have it; answers that folder. */
async function installShim(): Promise<string> {
  const folder = join(state.stateDir, "bin");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "docker-machine"), `#!/bin/sh\nexec "${process.execPath}" "${SHIM}" "$@"\n`, {
    mode: 0o755,
  });
  return folder;
}

/** What a job printed, without colours and the runner's own columns: `2026-11-25T21:31:14.754814Z 01O hello`. */
const linesOf = (trace: string): readonly string[] =>
  stripVTControlCharacters(trace)
    .split("\n")
    .map((line) => line.replace(/^\S+Z \d\d[OE][ +]/, "").trimEnd());

/** The lease of the job that was has ended, and its machine with it. */
async function expectNothingHeld(): Promise<void> {
  await until("nothing is held", 2 * MINUTE_MS, async () => {
    const [leases, machines] = await Promise.all([client.leases(false), client.machines(false)]);
    return leases.length === 0 && machines.every((machine) => machine.state !== "leased");
  });
}
