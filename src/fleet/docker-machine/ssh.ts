import { constants } from "node:os";
import { pipeline } from "node:stream/promises";
import { createApiClient } from "../../api/client.ts";
import { leaseIdFrom } from "../../domain/ids.ts";
import type { ExecExit, ExecOptions, RemoteProcess } from "../../ports/channel.ts";
import type { Call } from "./call.ts";
import { socketOf } from "./daemon.ts";
import { nameOf, readMachine } from "./machineFile.ts";

/** `ssh [NAME] [COMMAND…]`: a login shell, or a command, over the manager's own connection to the machine. Ends as that does. */
export async function runSsh(call: Call): Promise<number> {
  const [first, ...words] = call.args;
  const name = nameOf(call, first === undefined ? [] : [first]);
  const command = (words[0] === "--" ? words.slice(1) : words).join(" ");
  const { env, io } = call;
  const { stdin, stdout, stderr } = io;
  const isShell = command === "";
  const hasTerminal = isShell && stdin.isTTY && stdout.isTTY;
  const terminal = { term: env["TERM"] ?? "xterm", columns: stdout.columns, rows: stdout.rows };
  const remote = await execOn(call, name, isShell ? 'exec "$SHELL" -l' : command, hasTerminal ? { terminal } : {});
  const restore = hasTerminal ? takeTerminal(call, remote) : undefined;
  // The process may end, or close its stdin, while somebody may still type.
  pipeline(stdin, remote.stdin).catch(() => undefined);
  try {
    const outputs = [pipeline(remote.stdout, stdout, { end: false }), pipeline(remote.stderr, stderr, { end: false })];
    await Promise.all(outputs);
    return exitCodeOf(await remote.exited);
  } finally {
    restore?.();
    remote.close();
    // Reading on would keep this process alive.
    stdin.destroy();
  }
}

/** Starts a process on a machine. */
export function execOn(call: Call, name: string, command: string, options: ExecOptions = {}): Promise<RemoteProcess> {
  const { Mayfly } = readMachine(call, name).Driver;
  const manager = createApiClient(socketOf(call, Mayfly));
  // An interrupt ends this process, and with it the connection: the manager closes the remote process then.
  return manager.execOnLease(leaseIdFrom(Mayfly.LeaseId), command, options, new AbortController().signal);
}

/** Exit codes as a shell has them. */
export function exitCodeOf({ exitCode, signal }: ExecExit): number {
  if (exitCode !== undefined) return exitCode;
  return 128 + (constants.signals[signal as NodeJS.Signals] ?? 0);
}

function takeTerminal({ io: { stdin, stdout } }: Call, remote: RemoteProcess): () => void {
  const onResize = (): void => remote.resize(stdout.columns, stdout.rows);
  stdin.setRawMode(true);
  stdout.on("resize", onResize);
  return () => {
    stdout.off("resize", onResize);
    stdin.setRawMode(false);
  };
}
