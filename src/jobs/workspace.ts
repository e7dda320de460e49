import { pipeline } from "node:stream/promises";
import type { Readable } from "node:stream";
import { SystemError } from "../domain/errors.ts";
import type { Channel, RemoteProcess } from "../ports/channel.ts";
import { collectText } from "./collect.ts";
import { quoteForShell } from "./script.ts";
import { orAborted } from "./waits.ts";

/** A machine-side function: runs its words as root, through sudo where that is needed. */
export const AS_ROOT = 'as_root() { if [ "$(id -u)" != 0 ]; then sudo -n "$@"; else "$@"; fi; }';

/**
 * Runs one short command on the machine, feeding it `input`, and answers its stdout (64 KiB at most).
 * @throws SystemError with its stderr when it fails, MachineLostError when the machine went.
 */
export async function runOnMachine(
  channel: Pick<Channel, "exec">,
  command: string,
  input: Readable | undefined,
  signal: AbortSignal,
): Promise<string> {
  let process: RemoteProcess | undefined;
  try {
    process = await channel.exec(command, {}, signal);
    process.exited.catch(() => undefined);
    const stdout = collectText(process.stdout);
    const stderr = collectText(process.stderr);
    if (input === undefined) {
      process.stdin.on("error", () => undefined);
      process.stdin.end();
    } else {
      // A command that ends early breaks its stdin; its stderr says more than the broken pipe.
      await pipeline(input, process.stdin, { signal }).catch(() => undefined);
    }
    const { exitCode } = await orAborted(process.exited, signal);
    if (exitCode !== 0) {
      throw new SystemError(
        "machine-command-failed",
        `the machine could not prepare the job: ${(await stderr).trim()}`,
      );
    }
    return await stdout;
  } finally {
    process?.close();
    input?.destroy();
  }
}

/** Whose a job's folder is: the machine's user's, or root's but open to all, as containers of any user need it. */
export type FolderOwner = "user" | "root";

/** Unpacks a tar stream into the job's folder. */
export async function unpackArchive(
  channel: Channel,
  jobDir: string,
  owner: FolderOwner,
  archive: Readable,
  signal: AbortSignal,
): Promise<void> {
  const dir = quoteForShell(jobDir);
  const parent = quoteForShell(jobDir.slice(0, jobDir.lastIndexOf("/")));
  const command = {
    user: `{ mkdir -p -- ${dir} 2>/dev/null || { as_root install -d -o "$(id -u)" -- ${parent} && mkdir -p -- ${dir}; }; } && exec tar -x -C ${dir}`,
    root: `as_root install -d -m 777 -- ${parent} ${dir} && as_root tar -x --no-same-owner -C ${dir} && as_root chmod -R a+rwX -- ${dir}`,
  }[owner];
  await runOnMachine(channel, `${AS_ROOT}; ${command}`, archive, signal);
}
