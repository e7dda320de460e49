import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createApiClient } from "../../src/api/client.ts";
import type { Manager } from "../../src/ports/manager.ts";
import { until } from "./until.ts";

const DAEMON = fileURLToPath(new URL("daemonInChild.ts", import.meta.url));
const READY_MS = 30_000;

/** A daemon that runs as a process of its own, with pretended machines; its jobs are processes of this host. */
export interface LocalDaemon {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly client: Manager;
  /** What it has logged, a line each. */
  lines(): readonly string[];
  /** Its exit code, once it has ended; null when a signal ended it. */
  readonly exited: Promise<number | null>;
}

/** Where daemons of one test live. */
export interface DaemonHome extends AsyncDisposable {
  readonly folder: string;
  readonly stateDir: string;
  readonly configPath: string;
  readonly socketPath: string;
  /** Starts a daemon. @param wrap words before `node`, as in `["unshare", "-m"]`. */
  start(options?: { readonly terminateDelayMs?: number; readonly wrap?: readonly string[] }): LocalDaemon;
  /** Starts a daemon and resolves when it answers. */
  startReady(options?: Parameters<DaemonHome["start"]>[0]): Promise<LocalDaemon>;
}

/** Makes a home. @param config lines of the mayfly.toml beside the name, the state directory and the socket. */
export async function makeDaemonHome(config = ""): Promise<DaemonHome> {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-daemon-"));
  const stateDir = join(folder, "state");
  const socketPath = join(folder, "mayfly.sock");
  const configPath = join(folder, "mayfly.toml");
  await mkdir(stateDir, { mode: 0o700 });
  await writeFile(
    configPath,
    `name = "test"\nstate_dir = "${stateDir}"\n${config}\n[api]\nsocket = "${socketPath}"\n${POOL}`,
  );
  const children: ChildProcess[] = [];

  const start: DaemonHome["start"] = ({ terminateDelayMs = 0, wrap = [] } = {}) => {
    const [program = "", ...args] = [...wrap, process.execPath, DAEMON, configPath, folder, `${terminateDelayMs}`];
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
    children.push(child);
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
    return { child, pid: child.pid ?? 0, client: createApiClient(socketPath), lines: () => said.split("\n"), exited };
  };
  return {
    ...{ folder, stateDir, configPath, socketPath, start },
    async startReady(options) {
      const daemon = start(options);
      await until("the daemon answers", READY_MS, () => daemon.client.health().catch(() => undefined));
      return daemon;
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill("SIGKILL");
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

const POOL = `
[[pool]]
name = "small"
max_machines = 2
idle_count = 0
`;
