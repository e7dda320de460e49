import { SystemError } from "../../../domain/errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { QmpConnection } from "../qmp.ts";
import { STATE_FD } from "../start.ts";

/** Device states are small; 25-85 ms measured under software emulation. */
const POLL_MS = 10;

/** Writes the state of a template's devices to a file in its folder; its memory is a file already. */
export async function saveDevices(
  qemu: QmpConnection,
  fileName: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  await qemu.execute("stop", {}, signal);
  await move(qemu, "migrate", `exec:cat >${fileName}`, clock, signal);
}

/** Gives a machine that was started with `-incoming defer` the devices' states of the file STATE_FD; it is paused then. */
export const loadDevices = (qemu: QmpConnection, clock: Clock, signal: AbortSignal): Promise<void> =>
  move(qemu, "migrate-incoming", `fd:${STATE_FD}`, clock, signal);

async function move(
  qemu: QmpConnection,
  command: "migrate" | "migrate-incoming",
  uri: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const capabilities = [{ capability: "x-ignore-shared", state: true }];
  await qemu.execute("migrate-set-capabilities", { capabilities }, signal);
  await qemu.execute(command, { uri }, signal);
  for (;;) {
    const { status, "error-desc": why } = (await qemu.execute("query-migrate", {}, signal)) as {
      readonly status?: string;
      readonly "error-desc"?: string;
    };
    if (status === "completed") return;
    if (status === "failed" || status === "cancelled")
      throw new SystemError("golden-unusable", `QEMU could not ${command}: ${why ?? status}`);
    await clock.sleep(POLL_MS, signal);
  }
}
