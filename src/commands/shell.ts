import { constants } from "node:os";
import { pipeline } from "node:stream/promises";
import type { MachineId } from "../domain/ids.ts";
import type { ExecExit, ExecOptions, RemoteProcess } from "../ports/channel.ts";
import type { Manager } from "../ports/manager.ts";
import type { CommandContext } from "./context.ts";
import { EXIT } from "./exit.ts";
import { writeAll } from "./output.ts";
import { quoteWords } from "./shellWords.ts";

/** What replaces the login shell's own command. */
const LOGIN_SHELL = 'exec "$SHELL" -l';

/**
 * Runs a command on a machine, or a login shell when there are no words, joined to this process's streams; a terminal on
 * both ends when a shell is asked for from one. Ends with the exit code of the remote process.
 */
export async function openShell(
  context: CommandContext,
  manager: Pick<Manager, "execOnMachine">,
  machineId: MachineId,
  words: readonly string[],
): Promise<void> {
  const { stdin, stdout, stderr } = context;
  const isInteractive = words.length === 0 && stdin.isTTY && stdout.isTTY;
  const command = words.length === 0 ? LOGIN_SHELL : quoteWords(words);
  const options: ExecOptions = isInteractive
    ? { terminal: { term: context.env["TERM"] ?? "xterm", columns: stdout.columns, rows: stdout.rows } }
    : {};
  // An interrupt ends this process, and with it the connection: the daemon closes the remote process then.
  const remote = await manager.execOnMachine(machineId, command, options, new AbortController().signal);

  const restore = isInteractive ? takeTerminal(context, remote) : undefined;
  // The process may end, or close its stdin, while somebody may still type.
  pipeline(stdin, remote.stdin).catch(() => undefined);
  try {
    await Promise.all([carry(remote.stdout, stdout), carry(remote.stderr, stderr)]);
    context.setExitCode(exitCodeOf(await remote.exited));
  } finally {
    restore?.();
    remote.close();
    // Reading on would keep this process alive.
    stdin.destroy();
  }
}

/** Hands every key to the remote terminal, and tells it each new size. Answers how to undo that. */
function takeTerminal({ stdin, stdout }: CommandContext, remote: RemoteProcess): () => void {
  const resize = (): void => remote.resize(stdout.columns, stdout.rows);
  stdin.setRawMode(true);
  stdout.on("resize", resize);
  return () => {
    stdout.off("resize", resize);
    stdin.setRawMode(false);
  };
}

async function carry(from: AsyncIterable<Uint8Array>, to: NodeJS.WriteStream): Promise<void> {
  for await (const bytes of from) await writeAll(to, bytes);
}

/** As a shell says it: the process's own code, or 128 and the number of the signal that ended it. */
function exitCodeOf({ exitCode, signal }: ExecExit): number {
  if (exitCode !== undefined) return exitCode;
  const number = (constants.signals as Readonly<Record<string, number | undefined>>)[signal ?? ""];
  return number === undefined ? EXIT.system : 128 + number;
}
