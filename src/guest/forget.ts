import { MachineError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { ReadyGuest } from "../ports/guest.ts";
import { runAsRoot } from "./asRoot.ts";
import { within } from "./deadline.ts";

const SCRIPT = "prepare/forget.sh";
/** Most of it is cloud-init's: packages that come after the engine. */
const FORGET_DEADLINE_MS = 15 * 60_000;

/**
 * Takes from a ready machine all that makes it this one: account, keys, host name, machine id, what cloud-init and the engine
 * wrote. For the builder of an image; no new connection to it succeeds afterwards.
 * @throws MachineError `forget-failed`; TransientError `deadline`; MachineLostError when the channel is gone; the signal's reason.
 */
export async function forgetIdentity(
  { channel }: Pick<ReadyGuest, "channel">,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const { exitCode, complaint } = await within(FORGET_DEADLINE_MS, `cloud-init/${SCRIPT}`, clock, signal, (limit) =>
    runAsRoot(channel, SCRIPT, limit),
  );
  if (exitCode !== 0)
    throw new MachineError("forget-failed", `cloud-init/${SCRIPT} exited with ${exitCode}: ${complaint}`);
}
