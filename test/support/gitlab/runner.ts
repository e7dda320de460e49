import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Coordinator } from "./coordinator.ts";
import { RUNNER_TOKEN } from "./queue.ts";

const STOP_MS = 60_000;

/** Answers the `gitlab-runner` on the PATH, if there is one. */
export function findRunner(path = process.env["PATH"] ?? ""): string | undefined {
  return path
    .split(delimiter)
    .map((folder) => join(folder, "gitlab-runner"))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

export interface RunnerOptions {
  /** As `findRunner` answers it. */
  readonly program: string;
  readonly coordinator: Coordinator;
  readonly executor: "custom" | "docker+machine";
  /** The tables of the `[[runners]]` entry, `[runners.custom]` say. */
  readonly tables: string;
  /** Jobs at a time. @default 2 */
  readonly concurrent?: number;
  /** Beside this process's own, which it gets without mayfly's variables. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A real `gitlab-runner run`. */
export interface RunnerProcess extends AsyncDisposable {
  readonly pid: number;
  /** All that it has logged. */
  log(): string;
  /** Ends it as `kill -9` does. */
  kill(): Promise<void>;
}

/** Starts a runner of a coordinator, its configuration and all it keeps in a folder of its own. It is stopped when it is disposed of. */
export async function startRunner(options: RunnerOptions): Promise<RunnerProcess> {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-runner-"));
  const config = join(folder, "config.toml");
  await writeFile(config, configText(options), { mode: 0o600 });
  const { MAYFLY_SOCKET: _socket, MAYFLY_CONFIG: _config, ...env } = process.env;
  const child = spawn(
    options.program,
    ["--log-level", "debug", "run", "--config", config, "--working-directory", folder],
    {
      env: { ...env, HOME: folder, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const exited = once(child, "exit");
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  return {
    pid: child.pid ?? 0,
    log: () => said,
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
    async [Symbol.asyncDispose]() {
      // SIGTERM ends it once its jobs have been cancelled and cleaned up.
      const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGTERM");
        await exited;
      }
      clearTimeout(late);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const configText = ({ coordinator, executor, tables, concurrent = 2 }: RunnerOptions): string => `
concurrent = ${concurrent}
check_interval = 1
shutdown_timeout = 30

[[runners]]
  name = "mayfly"
  id = 1
  url = "${coordinator.url}"
  token = "${RUNNER_TOKEN}"
  executor = "${executor}"
  limit = ${concurrent}
  request_concurrency = ${concurrent}
  builds_dir = "/builds"
  cache_dir = "/cache"
${tables}`;
