import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SystemError, TransientError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { isErrno } from "./errors.ts";
import { END_DEADLINE_MS, POLL_MS } from "./options.ts";

/** A process, told apart from any later one with the same number by its start. */
export interface QemuProcess {
  readonly pid: number;
  /** In clock ticks since the host's boot, as /proc says it. */
  readonly startedAtTicks: string;
}

/** File that QEMU writes in an instance's folder. Its path on the command line is how a process is known as ours. */
export const PID_FILE = "qemu.pid";

/** The living QEMU processes below `root`, by instance folder. @throws when the process table cannot be read. */
export const findProcesses = (root: string): Promise<ReadonlyMap<string, QemuProcess>> =>
  findByCommand((argv) => {
    const pidFile = argv[argv.indexOf("-pidfile") + 1];
    if (!argv[0]?.includes("qemu-system-") || pidFile === undefined || dirname(dirname(pidFile)) !== root)
      return undefined;
    return dirname(pidFile);
  });

/**
 * The living processes that are somebody's by their command lines.
 * @param keyOf answers whose one is; undefined for a stranger's. @throws when the process table cannot be read.
 */
export async function findByCommand(
  keyOf: (argv: readonly string[]) => string | undefined,
): Promise<ReadonlyMap<string, QemuProcess>> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map((pid) => findOne(pid, keyOf)));
  return new Map(found.filter((entry) => entry !== undefined));
}

async function findOne(
  pid: number,
  keyOf: (argv: readonly string[]) => string | undefined,
): Promise<[key: string, QemuProcess] | undefined> {
  const key = keyOf((await readProc(pid, "cmdline"))?.split("\0") ?? []);
  const startedAtTicks = key === undefined ? undefined : await startOf(pid);
  return key === undefined || startedAtTicks === undefined ? undefined : [key, { pid, startedAtTicks }];
}

/** Tells whether that very process still runs. */
export async function isAlive({ pid, startedAtTicks }: QemuProcess): Promise<boolean> {
  return (await startOf(pid)) === startedAtTicks;
}

/** Memory of a process that is really there, in MiB; 0 when it is gone. */
export async function residentMiB({ pid }: QemuProcess): Promise<number> {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec((await readProc(pid, "status")) ?? "")?.[1];
  return Number(kib ?? 0) / 1024;
}

/** Kills a process and waits until it is gone. Gone already is success. @throws TransientError `instance-stuck` when it will not go. */
export async function killProcess(process_: QemuProcess, clock: Clock, signal: AbortSignal): Promise<void> {
  const deadlineAt = clock.now() + END_DEADLINE_MS;
  if (!(await isAlive(process_))) return;
  sendKill(process_.pid);
  while (await isAlive(process_)) {
    if (clock.now() > deadlineAt)
      throw new TransientError("instance-stuck", `process ${process_.pid} is still there after SIGKILL`);
    await clock.sleep(POLL_MS, signal);
  }
}

function sendKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (isErrno(error, "ESRCH")) return;
    throw new SystemError("instance-not-ours", `may not end process ${pid}: run as the user that launched it`, {
      cause: error,
    });
  }
}

/** When a process started; undefined when it is gone or only waits for its parent to look. Source: proc(5), fields 3 and 22. */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readProc(pid, "stat");
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ") ?? [];
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

async function readProc(pid: number, name: string): Promise<string | undefined> {
  try {
    return await readFile(join("/proc", String(pid), name), "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ESRCH")) return undefined;
    throw error;
  }
}
