import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SystemError } from "../../domain/errors.ts";
import type { QemuShape } from "../../domain/shape.ts";
import type { Clock } from "../../ports/clock.ts";
import { withDeadline } from "../../ports/deadline.ts";
import type { Identity } from "../../ports/seed.ts";
import { argumentsFrom, macFrom, WAKE_DISK } from "./command.ts";
import type { QemuContext } from "./context.ts";
import { createDisk } from "./disk.ts";
import type { InstanceRecord } from "./folder.ts";
import { folderOf } from "./folder.ts";
import type { GoldenFacts } from "./golden/key.ts";
import { untilSaid } from "./golden/listen.ts";
import type { GoldenState } from "./golden/manifest.ts";
import { loadDevices } from "./golden/migrate.ts";
import { blankWakeDisk, wakeDiskFrom } from "./golden/wake.ts";
import { lastWordsIn } from "./start.ts";
import type { StartOptions } from "./start.ts";
import type { QmpConnection } from "./qmp.ts";

/** Half a second on an idle host of two processors under software emulation; this is for ten at once. */
const WAKE_DEADLINE_MS = 40_000;
/** How often a machine that wakes is listened to. */
const WAKE_POLL_MS = 25;

/** What a restored machine is started with. */
export interface Restoring {
  readonly state: GoldenState;
  readonly facts: GoldenFacts;
  readonly identity: Identity;
}

/** Makes the disks of a machine that is going to be restored: an empty one over the golden state's, and one that says nothing yet. */
export async function createRestoredDisks(
  folder: string,
  { state, facts }: Restoring,
  shape: QemuShape,
  signal: AbortSignal,
): Promise<void> {
  await createDisk(folder, { ...facts.image, diskPath: join(state.folder, "disk.qcow2") }, shape, signal);
  await writeFile(join(folder, WAKE_DISK), blankWakeDisk(), { mode: 0o600 });
}

/** The command line of a restored machine: that of its template, with memory of its own behind the golden one. */
export function restoreCommandFrom(
  folder: string,
  { providerId, address }: InstanceRecord,
  { state, facts }: Restoring,
): { readonly argv: readonly string[]; readonly options: StartOptions } {
  const { image, shape, accelerator } = facts;
  const memory = { path: join(state.folder, "ram.img"), isTemplate: false };
  const argv = argumentsFrom({ folder, providerId, shape, address, image, accelerator, memory });
  return { argv: [...argv, "-incoming", "defer"], options: { statePath: join(state.folder, "devices.bin") } };
}

/** Has a restored machine run and become its own; resolves once its sshd answers as itself. @throws SystemError `golden-unusable`. */
export async function wake(
  context: QemuContext,
  { providerId }: InstanceRecord,
  { identity }: Restoring,
  qemu: QmpConnection,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = context.deps;
  const late = () => new SystemError("golden-unusable", `it did not wake within ${WAKE_DEADLINE_MS / 1000} s`);
  const folder = folderOf(context, providerId);
  await withDeadline(clock, WAKE_DEADLINE_MS, late, signal, async (bounded) => {
    await loadDevices(qemu, clock, bounded).catch((error: unknown) => endOf(error, qemu, folder, bounded));
    await writeWakeDisk(folder, identity, providerId, clock);
    await qemu.execute("cont", {}, bounded);
    await untilSaid("awake", qemu, WAKE_POLL_MS, clock, bounded);
  });
}

/** QEMU ends when it is given what it does not take. */
async function endOf(error: unknown, qemu: QmpConnection, folder: string, signal: AbortSignal): Promise<never> {
  signal.throwIfAborted();
  if ((await Promise.race([qemu.ended, Promise.resolve(undefined)])) === undefined) throw error;
  throw new SystemError("golden-unusable", `QEMU ended while it was restored: ${await lastWordsIn(folder)}`, {
    cause: error,
  });
}

/** Written last, since it tells the time; in place, since QEMU has the file open. */
async function writeWakeDisk(folder: string, identity: Identity, providerId: string, clock: Clock): Promise<void> {
  const disk = wakeDiskFrom({ identity, mac: macFrom(providerId), now: clock.now() });
  await writeFile(join(folder, WAKE_DISK), disk, { flag: "r+" });
}
