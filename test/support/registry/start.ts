import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { SystemError } from "../../../src/domain/errors.ts";
import { ensureStandIns } from "../standins/ensure.ts";
import type { EnsureOptions } from "../standins/ensure.ts";
import type { Storage } from "../standins/storage.ts";

export interface RegistryOptions extends EnsureOptions {
  /** On 127.0.0.1. @default 0, a free one */
  readonly port?: number | undefined;
  /** What it serves. @default the stand-ins */
  readonly storage?: Storage | undefined;
}

/** A running registry that holds the stand-ins and takes no pushes. Any number may run at once, on one cache. */
export interface Registry {
  /** For this host. */
  readonly url: string;
  /** For a QEMU guest with user networking, as `registry-mirrors` of its engine or of one nested in it. */
  readonly guestUrl: string;
  readonly port: number;
  /** Resolves when the registry has ended, by `stop` or by itself. */
  readonly ended: Promise<void>;
  /** Idempotent. */
  stop(): Promise<void>;
}

const CONFIG = fileURLToPath(new URL("registry.yml", import.meta.url));
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5_000;

/**
 * Serves the stand-ins by Debian's docker-registry, building them first when the cache has none.
 * @throws SystemError `registry-failed` with the registry's last words when it does not start.
 */
export async function startRegistry(options: RegistryOptions, signal: AbortSignal): Promise<Registry> {
  const storage = options.storage ?? (await ensureStandIns(options, signal)).storage;
  options.onProgress?.("Starting docker-registry");
  const child = spawn("docker-registry", ["serve", CONFIG], {
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      PATH: process.env["PATH"],
      REGISTRY_HTTP_ADDR: `127.0.0.1:${options.port ?? 0}`,
      REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: storage.root,
    },
  });
  const lastLines: string[] = [];
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()).once("error", () => resolve()));
  const stop = (): Promise<void> => stopProcess(child, ended);

  try {
    const port = await listeningPort(
      child,
      lastLines,
      AbortSignal.any([signal, AbortSignal.timeout(START_TIMEOUT_MS)]),
    );
    return { port, url: `http://127.0.0.1:${port}`, guestUrl: `http://10.0.2.2:${port}`, ended, stop };
  } catch (cause) {
    await stop();
    signal.throwIfAborted();
    const words = lastLines.join("\n") || (cause as Error).message;
    throw new SystemError("registry-failed", `Expected docker-registry to listen on 127.0.0.1, got: ${words}`, {
      cause,
    });
  }
}

/** Reads the registry's log, to its end: a full pipe would stop it. Resolves with the port that it names. */
function listeningPort(child: ChildProcess, lastLines: string[], signal: AbortSignal): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  child.once("error", reject);
  child.once("close", () => reject(new Error("it ended")));
  if (child.stderr) {
    createInterface({ input: child.stderr }).on("line", (line) => {
      lastLines.push(line);
      lastLines.splice(0, lastLines.length - 5);
      const port = /listening on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (port) resolve(Number(port));
    });
  }
  return promise;
}

async function stopProcess(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill("SIGTERM");
  const force = (): boolean => child.kill("SIGKILL");
  const deadline = AbortSignal.timeout(STOP_TIMEOUT_MS);
  deadline.addEventListener("abort", force, { once: true });
  await ended;
  deadline.removeEventListener("abort", force);
}
