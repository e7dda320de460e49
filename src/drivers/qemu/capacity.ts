import { mkdir, readFile, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { CapacityError, SystemError } from "../../domain/errors.ts";
import type { QemuShape } from "../../domain/shape.ts";
import { TRANSLATION_CACHE_MIB } from "./command.ts";
import type { QemuContext } from "./context.ts";
import { isErrno } from "./errors.ts";
import { folderNames, folderOf, readRecord } from "./folder.ts";
import type { QemuProcess } from "./processes.ts";
import { findProcesses, residentMiB } from "./processes.ts";

/** What the host has left. */
export interface HostRoom {
  /** Memory that can be had without swapping, in MiB. */
  availableMemoryMiB(): Promise<number>;
  /** Free space of the file system that holds `path`, in MiB. */
  freeDiskMiB(path: string): Promise<number>;
}

/** QEMU itself beside the guest's memory, in MiB: 48 measured before the guest runs (QEMU 7.2, November 2026), and its translation cache. */
const OVERHEAD_MIB = 64 + TRANSLATION_CACHE_MIB;
/** What a job is expected to write, in MiB; a disk's virtual size is a bound, not a forecast. */
const EXPECTED_WRITES_MIB = 2_048;
/** What a template writes to its disk until it is saved, in MiB; 90 measured in November 2026. */
const TEMPLATE_WRITES_MIB = 256;
/** Left alone for everything else on the host, in MiB. */
const SPARE_MEMORY_MIB = 256;
const SPARE_DISK_MIB = 1_024;

/** Reads the host's own figures. */
const hostRoom: HostRoom = {
  async availableMemoryMiB() {
    const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(await readFile("/proc/meminfo", "utf8"))?.[1];
    if (kib === undefined) throw new SystemError("no-meminfo", "/proc/meminfo does not say MemAvailable");
    return Number(kib) / 1024;
  },
  async freeDiskMiB(path) {
    const { bavail, bsize } = await statfs(path);
    return (bavail * bsize) / 2 ** 20;
  },
};

/** What was promised to machines that are there, but not taken by them yet, in MiB. */
interface Promised {
  readonly machines: number;
  readonly memoryMiB: number;
  readonly diskMiB: number;
}

/** Makes sure that one more machine fits beside what the others may still take. @throws CapacityError `no-memory`, `no-disk`. */
export async function checkRoom(context: QemuContext, shape: QemuShape): Promise<void> {
  const room = context.deps.hostRoom ?? hostRoom;
  const promised = await promisedTo(context);
  const others = promised.machines === 0 ? "" : ` beside ${promised.machines} launched already`;

  await mkdir(context.root, { recursive: true, mode: 0o700 });
  const needsMemory = shape.memoryMiB + OVERHEAD_MIB;
  const hasMemory = (await room.availableMemoryMiB()) - promised.memoryMiB - SPARE_MEMORY_MIB;
  if (hasMemory < needsMemory)
    throw new CapacityError(
      "no-memory",
      `no memory for one more machine: it needs ${mib(needsMemory)}, the host can spare ${mib(hasMemory)}${others}`,
    );

  const needsDisk = Math.min(EXPECTED_WRITES_MIB, shape.diskGiB * 1024);
  const hasDisk = (await room.freeDiskMiB(context.root)) - promised.diskMiB - SPARE_DISK_MIB;
  if (hasDisk < needsDisk)
    throw new CapacityError(
      "no-disk",
      `no disk space for one more machine: it needs ${mib(needsDisk)} in ${context.root}, which can spare ${mib(hasDisk)}${others}`,
    );
}

/** Makes sure that a template may run, and that what is saved of it leaves enough free. @throws CapacityError `no-memory`, `no-disk`. */
export async function checkGoldenRoom(context: QemuContext, shape: QemuShape): Promise<void> {
  await checkRoom(context, shape);
  const { imagesDir, minFreeDiskMiB = 0 } = context.options;
  const needsMiB = shape.memoryMiB + TEMPLATE_WRITES_MIB;
  const freeMiB = await (context.deps.hostRoom ?? hostRoom).freeDiskMiB(imagesDir);
  const hasMiB = freeMiB - Math.max(SPARE_DISK_MIB, minFreeDiskMiB);
  if (hasMiB < needsMiB)
    throw new CapacityError(
      "no-disk",
      `no disk space to restore machines from: it takes up to ${mib(needsMiB)} in ${imagesDir}, which can spare ${mib(hasMiB)}`,
    );
}

async function promisedTo(context: QemuContext): Promise<Promised> {
  const processes = await findProcesses(context.root);
  const each = await Promise.all(
    (await folderNames(context)).map((name) => promisedToOne(context, name, processes.get(folderOf(context, name)))),
  );
  const counted = each.filter((one) => one !== undefined);
  return {
    machines: counted.length,
    memoryMiB: counted.reduce((sum, one) => sum + one.memoryMiB, 0),
    diskMiB: counted.reduce((sum, one) => sum + one.diskMiB, 0),
  };
}

async function promisedToOne(
  context: QemuContext,
  name: string,
  process: QemuProcess | undefined,
): Promise<Omit<Promised, "machines"> | undefined> {
  // One without a process has stopped, unless this driver is about to start it.
  if (process === undefined && !context.launching.has(name)) return undefined;
  const record = await readRecord(folderOf(context, name));
  if (record === undefined) return undefined;
  const takenMiB = process === undefined ? 0 : await residentMiB(process);
  return {
    memoryMiB: Math.max(0, record.memoryMiB + OVERHEAD_MIB - takenMiB),
    diskMiB: Math.max(0, EXPECTED_WRITES_MIB - (await diskTakenMiB(folderOf(context, name)))),
  };
}

async function diskTakenMiB(folder: string): Promise<number> {
  try {
    return ((await stat(join(folder, "disk.qcow2"))).blocks * 512) / 2 ** 20;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return 0;
    throw error;
  }
}

const mib = (amount: number): string => `${Math.max(0, Math.floor(amount)).toLocaleString("en")} MiB`;
