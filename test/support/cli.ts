import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

/** The command line's file. */
export const CLI = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

/** How a command ended. */
export interface Outcome {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** Words before `node`, as in `["nice"]`. */
  readonly wrap?: readonly string[];
  readonly onStart?: (child: ChildProcess) => void;
}

/** Runs `mayfly` as a process of its own, in an environment without mayfly's variables. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<Outcome> {
  const { MAYFLY_SOCKET: _socket, MAYFLY_CONFIG: _config, ...env } = process.env;
  const [program = "", ...words] = [...(options.wrap ?? []), process.execPath, CLI, ...args];
  const child = spawn(program, words, {
    cwd: options.cwd ?? "/",
    env: { ...env, ...options.env },
    stdio: "pipe",
  });
  const exited = new Promise<number | null>((resolve) => child.on("close", resolve));
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.stdin);
  options.onStart?.(child);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { exitCode: await exited, stdout, stderr };
}
