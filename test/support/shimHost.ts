import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { createApiClient } from "../../src/api/client.ts";
import type { Config } from "../../src/config/config.ts";
import { systemClock as clock } from "../../src/daemon/clock.ts";
import { composeManager } from "../../src/daemon/compose.ts";
import { lookAtDirectory } from "../../src/daemon/dockerMachines/directory.ts";
import { withDockerMachines } from "../../src/daemon/dockerMachines/service.ts";
import { systemRandom as random } from "../../src/daemon/random.ts";
import { serveManager } from "../../src/daemon/serve.ts";
import { NotFoundError } from "../../src/domain/errors.ts";
import type { DesiredPool } from "../../src/domain/pool.ts";
import type { Streams } from "../../src/fleet/streams.ts";
import { runDockerMachine } from "../../src/fleet/docker-machine/run.ts";
import type { Guest } from "../../src/ports/guest.ts";
import type { Manager } from "../../src/ports/manager.ts";
import { createSimulatedDriver } from "../../src/simulation/driver.ts";
import { createSimulatedGuest } from "../../src/simulation/guest.ts";
import { createSimulatedProvider } from "../../src/simulation/provider.ts";
import type { SimulatedProvider } from "../../src/simulation/provider.ts";
import { createDockerMachineRecords } from "../../src/store/dockerMachines.ts";
import { openStore } from "../../src/store/open.ts";
import type { Outcome } from "./cli.ts";
import { json, startFakeDocker } from "./fakeDocker.ts";
import type { FakeDocker } from "./fakeDocker.ts";
import { silentLogger } from "./jobs.ts";
import { pool } from "./pools.ts";
import { until } from "./until.ts";

/** The file of docker-machine. */
const SHIM = fileURLToPath(new URL("../../src/fleet/docker-machine/main.ts", import.meta.url));

export interface ShimCall {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly onStart?: (child: ChildProcess) => void;
}

/** A host with a manager and a runner's storage path. Its machines are pretended, what is between them and docker-machine is real. */
export interface ShimHost extends AsyncDisposable {
  readonly folder: string;
  readonly storagePath: string;
  readonly socketPath: string;
  readonly stateDir: string;
  readonly client: Manager;
  readonly provider: SimulatedProvider;
  /** What the engine of every machine answers. */
  readonly docker: FakeDocker;
  /** Runs docker-machine as a process of its own. */
  run(args: readonly string[], options?: ShimCall): Promise<Outcome>;
  /** The same in this process, which is quicker. */
  call(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Outcome>;
  /** The directory of a machine. */
  dir(name: string): string;
  /** The leases that have not ended. */
  openLeases(): Promise<number>;
  /** Has the manager leave its machines to the next one. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
}

export interface ShimHostOptions {
  readonly pools?: readonly DesiredPool[];
  readonly bootMs?: number;
}

/** Starts it. */
export async function startShimHost({
  pools = [pool({ maxMachines: 20, maxGrowthRate: 20, idleCount: 0 })],
  bootMs = 50,
}: ShimHostOptions = {}): Promise<ShimHost> {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-shim-"));
  const [stateDir, socketPath, storagePath] = ["state", "mayfly.sock", "machine"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const docker = await startFakeDocker(join(folder, "docker.sock"));
  docker.on("GET /_ping", (response) => void response.end("OK"));
  docker.on("GET /version", json({ Version: "20.10.24", ApiVersion: "1.41" }));
  const provider = createSimulatedProvider({ clock, random });
  const config: Config = {
    ...{ name: "test", stateDir, maxMachines: 100, stopTimeoutMs: 0, minFreeDiskMiB: 32 },
    ...{ api: { socket: socketPath }, pools },
  };
  const client = createApiClient(socketPath);

  const start = async (): Promise<() => Promise<void>> => {
    const running = await composeManager(
      config,
      {
        ...{ clock, random, logger: silentLogger, guest: guestAt(join(folder, "docker.sock"), provider, bootMs) },
        store: await openStore(stateDir, { clock, logger: silentLogger }),
        ...{ logs: noLogs, archives: noArchives },
        drivers: new Map([["simulated" as const, createSimulatedDriver(provider, config.name)]]),
      },
      "1.2.3",
    );
    const records = createDockerMachineRecords(join(stateDir, "docker-machines"));
    const deps = { records, look: lookAtDirectory, pools: () => pools, clock, random, logger: silentLogger };
    const whole = await withDockerMachines(running, deps);
    const [stop, handOver] = [new AbortController(), new AbortController()];
    const options = { socketPath, version: "1.2.3", logger: silentLogger, clock };
    const signals = { stop: stop.signal, hurry: new AbortController().signal, handOver: handOver.signal };
    const served = serveManager(whole, options, signals);
    await until("the manager answers", 10_000, () => client.health().catch(() => undefined));
    return async () => {
      handOver.abort();
      await served;
    };
  };
  let leave: (() => Promise<void>) | undefined = await start();

  const host: ShimHost = {
    ...{ folder, storagePath, socketPath, stateDir, client, provider, docker },
    run: (args, options) => runShim(args, { MACHINE_STORAGE_PATH: storagePath, MAYFLY_SOCKET: socketPath }, options),
    call: (args, env) => callShim(args, { MACHINE_STORAGE_PATH: storagePath, MAYFLY_SOCKET: socketPath, ...env }),
    dir: (name) => join(storagePath, "machines", name),
    openLeases: async () => (await client.leases(false)).length,
    async goAway() {
      await leave?.();
      leave = undefined;
    },
    async comeBack() {
      leave = await start();
    },
    async [Symbol.asyncDispose]() {
      await leave?.();
      await docker.stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
  return host;
}

/** Runs docker-machine in an environment without mayfly's variables but those that are given. */
export async function runShim(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  { env: more = {}, stdin, onStart }: ShimCall = {},
): Promise<Outcome> {
  const { MAYFLY_SOCKET: _socket, MAYFLY_CONFIG: _config, MACHINE_STORAGE_PATH: _path, ...rest } = process.env;
  const child = spawn(process.execPath, [SHIM, ...args], {
    cwd: "/",
    env: { ...rest, ...env, ...more },
    stdio: "pipe",
  });
  const exited = new Promise<number | null>((resolve) => child.on("close", resolve));
  child.stdin.on("error", () => undefined);
  child.stdin.end(stdin);
  onStart?.(child);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { exitCode: await exited, stdout, stderr };
}

/** Runs docker-machine in this process, in an environment of these variables alone. */
async function callShim(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Outcome> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end();
  const io = { stdin, stdout, stderr } as unknown as Streams;
  const said = Promise.all([text(stdout), text(stderr)]);
  const exitCode = await runDockerMachine(args, { env, cwd: "/", io });
  stdout.end();
  stderr.end();
  const [out, error] = await said;
  return { exitCode, stdout: out, stderr: error };
}

/** Guests whose engine is whatever listens at a path. */
function guestAt(enginePath: string, provider: SimulatedProvider, bootMs: number): Guest {
  const guest = createSimulatedGuest({ clock, provider }, { bootMs });
  const forward = async (): Promise<Duplex> => {
    const socket = connect({ path: enginePath, allowHalfOpen: true });
    if (existsSync(enginePath)) await once(socket, "connect");
    return socket;
  };
  return {
    ...guest,
    async connect(...args) {
      const ready = await guest.connect(...args);
      return { ...ready, channel: { ...ready.channel, forward } };
    },
  };
}

const noLogs = {
  create: () => Promise.reject(new Error("no jobs here")),
  read: () => {
    throw new Error("no jobs here");
  },
};
const noArchives = {
  put: () => Promise.reject(new Error("no archives here")),
  open: () => Promise.reject(new NotFoundError("archive-not-found", "no archives here")),
  prune: async () => undefined,
};
