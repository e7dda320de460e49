import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { TransientError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { PROGRAM } from "./accelerator.ts";
import { errorFrom, lastWordsFrom, startErrorFrom } from "./errors.ts";
import { POLL_MS, START_DEADLINE_MS } from "./options.ts";
import type { QmpConnection } from "./qmp.ts";
import { connectQmp } from "./qmp.ts";

/** Where QEMU complains, in the instance's folder. */
const LOG = "qemu.log";

export interface StartOptions {
  /** A file that QEMU finds open as STATE_FD, to read. */
  readonly statePath?: string | undefined;
  /** Whether it ends with this very process, however that ends. @default false */
  readonly endsWithUs?: boolean | undefined;
}

/** The number under which QEMU finds the file of StartOptions. */
export const STATE_FD = 3;

/**
 * Starts QEMU in its folder, in a session of its own so that it outlives us, and waits until it runs.
 * When this throws, the process may still be there.
 * @throws AddressTakenError, CapacityError or SystemError by QEMU's own words; TransientError `qemu-start-timeout`.
 */
export async function startQemu(
  folder: string,
  argv: readonly string[],
  clock: Clock,
  signal: AbortSignal,
  options: StartOptions = {},
): Promise<QmpConnection> {
  signal.throwIfAborted();
  const child = await spawnIn(folder, argv, options);
  const over = new AbortController();
  const started = new AbortController();
  const timeout = clock.sleep(START_DEADLINE_MS, started.signal).then(
    () => over.abort(new TransientError("qemu-start-timeout", `QEMU did not start within ${START_DEADLINE_MS} ms`)),
    () => undefined,
  );
  try {
    return await untilRunning(folder, child, clock, AbortSignal.any([signal, over.signal]));
  } finally {
    started.abort();
    await timeout;
  }
}

async function untilRunning(
  folder: string,
  child: ChildProcess,
  clock: Clock,
  signal: AbortSignal,
): Promise<QmpConnection> {
  for (;;) {
    const connection = await connectQmp(folder, signal).catch(() => undefined);
    if (connection !== undefined) return connection;
    signal.throwIfAborted();
    if (child.exitCode !== null || child.signalCode !== null)
      throw startErrorFrom(await readFile(join(folder, LOG), "utf8"), `${child.exitCode ?? child.signalCode}`);
    await clock.sleep(POLL_MS, signal);
  }
}

/** The end of what QEMU complained of, in an instance's folder. */
export async function lastWordsIn(folder: string): Promise<string> {
  return lastWordsFrom(await readFile(join(folder, LOG), "utf8"));
}

async function spawnIn(folder: string, argv: readonly string[], options: StartOptions): Promise<ChildProcess> {
  const { statePath, endsWithUs = false } = options;
  const words = endsWithUs ? ["setpriv", "--pdeathsig", "KILL", PROGRAM, ...argv] : [PROGRAM, ...argv];
  const [program = PROGRAM, ...rest] = words;
  const log = await open(join(folder, LOG), "w", 0o600);
  const file = statePath === undefined ? undefined : await open(statePath, "r").catch(closing(log));
  try {
    const stdio = ["ignore" as const, "ignore" as const, log.fd, ...(file === undefined ? [] : [file.fd])];
    const child = spawn(program, rest, { cwd: folder, detached: true, stdio });
    await once(child, "spawn");
    child.unref();
    return child;
  } catch (error) {
    throw errorFrom(error, PROGRAM);
  } finally {
    await log.close();
    await file?.close();
  }
}

const closing =
  (log: FileHandle) =>
  async (error: unknown): Promise<never> => {
    await log.close();
    throw error;
  };
