import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { createApiClient } from "../../../src/api/client.ts";
import type { Manager } from "../../../src/ports/manager.ts";
import { CLI } from "../cli.ts";
import { startDaemonProcess } from "../daemon.ts";
import type { DaemonProcess } from "../daemon.ts";
import { DOCKER_IMAGE, ensureDockerImage } from "../dockerImage.ts";
import { makeRealState } from "../realState.ts";
import type { RealState } from "../realState.ts";
import { startRegistry } from "../registry/start.ts";
import { until } from "../until.ts";
import { startCoordinator } from "./coordinator.ts";
import type { Coordinator } from "./coordinator.ts";
import { HELPER_IMAGE, storeHelperImage } from "./helperImage.ts";
import { startRunner } from "./runner.ts";
import type { RunnerProcess } from "./runner.ts";

const MINUTE_MS = 60_000;
const SHIM = fileURLToPath(new URL("../../../src/fleet/docker-machine/main.ts", import.meta.url));
const HOST_AS_GUESTS_SEE_IT = "10.0.2.2";

/**
 * Has the machine of a job find the coordinator under the name by which the runner knows it: artifacts go there. Whoever connects to
 * a name tries its addresses one after the other.
 */
export const FIND_COORDINATOR = [`echo "${HOST_AS_GUESTS_SEE_IT} localhost" >>/etc/hosts`];

/** A host as operators have it: a runner of a small GitLab, a daemon with two machines, and what their images come from. */
export interface RunnerHost {
  readonly client: Manager;
  readonly gitlab: Coordinator;
  /** Starts a runner; all of this host keep their docker-machines in one place. */
  startCustom(prepareWords?: readonly string[]): Promise<RunnerProcess>;
  startDockerMachine(): Promise<RunnerProcess>;
  /** Ends the daemon as `kill -9` does, and starts the next one. */
  crash(): Promise<void>;
  /** Ends the runners that were started. */
  endRunners(): Promise<void>;
  /** Waits until no machine is held. */
  nothingHeld(): Promise<void>;
  /** Ends everything; answers what is left of machines. */
  stop(): Promise<readonly string[]>;
}

/** @param program the runner. @param imagesDir where the tier's guest images are. */
export async function startRunnerHost(program: string, imagesDir: string, signal: AbortSignal): Promise<RunnerHost> {
  await ensureDockerImage(imagesDir, signal);
  const helper = await storeHelperImage(program, signal);
  const registry = await startRegistry({ storage: helper.storage }, signal);
  const state = await makeRealState();
  const config = await state.writeConfig(poolText(registry.guestUrl));
  const socketPath = join(state.stateDir, "mayfly.sock");
  const client = createApiClient(socketPath);
  const gitlab = await startCoordinator({ jobHost: HOST_AS_GUESTS_SEE_IT, longPollMs: 2_000 });
  const runners: RunnerProcess[] = [];
  let daemon: DaemonProcess;

  const startDaemon = async (): Promise<void> => {
    daemon = startDaemonProcess(config);
    await until("the daemon answers", MINUTE_MS, () => client.health().catch(() => undefined));
  };
  const start = async (
    executor: "custom" | "docker+machine",
    tables: string,
    env: Record<string, string>,
  ): Promise<RunnerProcess> => {
    const runner = await startRunner({ program, coordinator: gitlab, executor, tables, env });
    runners.push(runner);
    return runner;
  };
  const endRunners = async (): Promise<void> => {
    for (const runner of runners.splice(0)) await runner[Symbol.asyncDispose]();
  };
  await startDaemon();
  return {
    ...{ client, gitlab },
    startCustom: (words = []) => start("custom", customTables(words), { MAYFLY_SOCKET: socketPath }),
    async startDockerMachine() {
      const path = `${await installShim(state)}:${process.env["PATH"]}`;
      const env = { PATH: path, MAYFLY_SOCKET: socketPath, MACHINE_STORAGE_PATH: join(state.stateDir, "machine") };
      return start("docker+machine", MACHINE_TABLES, env);
    },
    async crash() {
      await daemon.stop("SIGKILL");
      await startDaemon();
    },
    endRunners,
    async nothingHeld() {
      await until("nothing is held", 3 * MINUTE_MS, async () => {
        const [leases, machines] = await Promise.all([client.leases(false), client.machines(false)]);
        return leases.length === 0 && machines.every((machine) => machine.state !== "leased");
      });
    },
    async stop() {
      await endRunners();
      await gitlab[Symbol.asyncDispose]();
      await daemon.stop("SIGTERM");
      const left = await state.leftovers();
      await registry.stop();
      await helper[Symbol.asyncDispose]();
      await state.remove();
      return left;
    },
  };
}

/** What a job printed, without colours and the runner's own columns: `2026-11-25T21:31:14.754814Z 01O hello`. */
export const linesOf = (trace: string): readonly string[] =>
  stripVTControlCharacters(trace)
    .split("\n")
    .map((line) => line.replace(/^\S+Z \d\d[OE][ +]/, "").trimEnd());

const poolText = (registryMirror: string): string => `
[[pool]]
name = "small"
max_machines = 2
idle_count = 1
boot_timeout = "10m"
[pool.guest]
registry_mirror = "${registryMirror}"
[pool.qemu]
restore = true
image = "${DOCKER_IMAGE}"
cpus = 1
memory = "2GiB"
disk = "10GiB"
`;

const customTables = (prepareWords: readonly string[]): string => {
  const stage = (verb: string): string => {
    const words = [CLI, "custom-executor", verb, ...(verb === "prepare" ? prepareWords : [])];
    return `  ${verb}_exec = "${process.execPath}"\n  ${verb}_args = ${JSON.stringify(words)}\n`;
  };
  return `  [runners.custom]\n${["config", "prepare", "run", "cleanup"].map(stage).join("")}`;
};

// As users have it, but for the driver's name and the images, which have to come from here.
const MACHINE_TABLES = `  [runners.docker]
    image = "busybox"
    helper_image = "${HELPER_IMAGE}"
    disable_cache = true
    extra_hosts = ["localhost:${HOST_AS_GUESTS_SEE_IT}"]
  [runners.machine]
    IdleCount = 0
    MaxBuilds = 1
    MachineDriver = "mayfly"
    MachineName = "auto-%s"
`;

/** Puts a `docker-machine` where a PATH can have it; answers that folder. */
async function installShim({ stateDir }: RealState): Promise<string> {
  const folder = join(stateDir, "bin");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "docker-machine"), `#!/bin/sh\nexec "${process.execPath}" "${SHIM}" "$@"\n`, {
    mode: 0o755,
  });
  return folder;
}
