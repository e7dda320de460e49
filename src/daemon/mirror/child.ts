import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { SystemError } from "../../domain/errors.ts";
import { findByCommand, killProcess } from "../../drivers/qemu/processes.ts";
import type { Clock } from "../../ports/clock.ts";

/** What Debian's package, and what the project itself, calls it. */
const PROGRAMS = ["docker-registry", "registry"] as const;
/** Where an upstream is reached through, by Go's conventions; nothing else of our surroundings is the registry's business. */
const PROXY_VARIABLES = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];
/** A registry that was asked to end lets answers end; after this it is killed. */
const END_MS = 3_000;
const KEPT_LINES = 50;

const NO_PROGRAM =
  "neither docker-registry nor registry is on the PATH: `apt-get install docker-registry`, or set `mirror.program`";

/** A registry's process. */
export interface RegistryChild {
  /** Resolves with its last words once it has ended. Never rejects. */
  readonly ended: Promise<string>;
  /** Ends it, and resolves when it is gone. */
  end(): Promise<void>;
}

/**
 * Starts a registry that ends with this very process, however that ends, and not by a Ctrl-C that is meant for us.
 * @throws SystemError `mirror-program` when it cannot be started.
 */
export async function startChild(
  program: string | undefined,
  settingsPath: string,
  clock: Clock,
): Promise<RegistryChild> {
  const path = findProgram(program);
  if (path === undefined)
    throw new SystemError(
      "mirror-program",
      program === undefined ? NO_PROGRAM : `mirror.program ${program} is no program`,
    );
  const env = Object.fromEntries(["PATH", ...PROXY_VARIABLES].map((name) => [name, process.env[name]]));
  const child = spawn("setpriv", ["--pdeathsig", "KILL", path, "serve", settingsPath], {
    stdio: ["ignore", "ignore", "pipe"],
    // A session of its own.
    detached: true,
    env,
  });
  const lines: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    lines.push(line);
    if (lines.length > KEPT_LINES) lines.shift();
  });
  const ended = new Promise<string>((resolve) =>
    child.once("close", (code, signal) => resolve(`it ended with ${code ?? signal}: ${lastWordsFrom(lines)}`)),
  );
  try {
    await once(child, "spawn");
  } catch (cause) {
    throw new SystemError("mirror-program", `cannot start ${path} by setpriv: ${(cause as Error).message}`, { cause });
  }
  return {
    ended,
    async end() {
      child.kill("SIGTERM");
      const callOff = clock.schedule(END_MS, () => child.kill("SIGKILL"));
      await ended;
      callOff();
    },
  };
}

/** Ends a registry of those settings that an earlier process left behind, for whatever reason. */
export async function endLeft(settingsPath: string, clock: Clock, signal: AbortSignal): Promise<void> {
  // Each word of a command line ends with a null byte.
  const left = await findByCommand((argv) => (argv.at(-3) === "serve" ? argv.at(-2) : undefined));
  const found = left.get(settingsPath);
  if (found !== undefined) await killProcess(found, clock, signal);
}

/** The program itself, or one on the PATH; undefined when there is none. */
export function findProgram(program?: string): string | undefined {
  if (program !== undefined) return isExecutable(program) ? program : undefined;
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return PROGRAMS.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Go says why it gives up in a line of its own, before where it was. */
function lastWordsFrom(lines: readonly string[]): string {
  const words = lines.findLast((line) => /^panic: |level=fatal/.test(line)) ?? lines.at(-1) ?? "it said nothing";
  return (/msg="((?:[^"\\]|\\.)*)"/.exec(words)?.[1] ?? words).replaceAll('\\"', '"').slice(0, 300);
}
