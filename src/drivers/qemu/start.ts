import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { TransientError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { errorFrom, startErrorFrom } from "./errors.ts";
import { POLL_MS, START_DEADLINE_MS } from "./options.ts";
import type { QmpConnection } from "./qmp.ts";
import { connectQmp } from "./qmp.ts";

const PROGRAM = "qemu-system-x86_64";
/** Where QEMU complains, in the instance's folder. */
const LOG = "qemu.log";

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
): Promise<QmpConnection> {
  signal.throwIfAborted();
  const child = await spawnIn(folder, argv);
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

async function spawnIn(folder: string, argv: readonly string[]): Promise<ChildProcess> {
  const log = await open(join(folder, LOG), "w", 0o600);
  try {
    const child = spawn(PROGRAM, argv, { cwd: folder, detached: true, stdio: ["ignore", "ignore", log.fd] });
    await once(child, "spawn");
    child.unref();
    return child;
  } catch (error) {
    throw errorFrom(error, PROGRAM);
  } finally {
    await log.close();
  }
}
