import { MachineError } from "../domain/errors.ts";
import type { Channel } from "../ports/channel.ts";
import type { Clock } from "../ports/clock.ts";
import type { MachineClaim, ReadyGuest } from "../ports/guest.ts";
import { runAsRoot } from "./asRoot.ts";
import { within } from "./deadline.ts";

const SCRIPT_DEADLINE_MS = 60_000;
const CLOSE_METADATA = "seal/close-metadata.sh";
const PUBLIC_KEY = /^ssh-ed25519 [A-Za-z0-9+/]{68}(?: .*)?$/;

/**
 * Makes what a machine's seed held worthless for others: the machine makes itself a new host key and shuts its metadata
 * service. The key is kept before it is shown, so that whoever dies in between knows both that may be shown.
 */
export async function sealMachine(
  { channel }: Pick<ReadyGuest, "channel">,
  claim: MachineClaim | undefined,
  keep: (publicKey: string) => Promise<void>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const run = (script: string, argument?: string): Promise<string> =>
    runInTime(channel, script, clock, signal, argument);
  if (claim !== undefined) await claimMachine(claim, run);
  const publicKey = (await run("seal/new-host-key.sh")).trim();
  if (!PUBLIC_KEY.test(publicKey)) throw failed(`it answered no ed25519 host key but "${publicKey.slice(0, 100)}"`);
  await keep(publicKey);
  await run("seal/take-over.sh");
  await run(CLOSE_METADATA);
}

/**
 * Has a machine that was told the same as others become one of them. The host key that it has shown proves no more than that it
 * is one of those, or somebody who could read what they were told, as a job on one of them can that makes itself root: what such
 * a one does not know is the name of this instance, which the machine is asked for and not told.
 */
async function claimMachine(
  { machineId, instanceName }: MachineClaim,
  run: (script: string, argument?: string) => Promise<string>,
): Promise<void> {
  const said = (await run("seal/name.sh")).trim();
  if (said !== instanceName) throw failed(`it is "${said.slice(0, 100)}" and not the instance that it was taken for`);
  await run("seal/claim.sh", machineId);
}

/** Shuts the metadata service of a machine that was sealed before: what shut it was gone with the stop. */
export async function sealAgain(
  { channel }: Pick<ReadyGuest, "channel">,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  await runInTime(channel, CLOSE_METADATA, clock, signal);
}

const runInTime = (
  channel: Channel,
  script: string,
  clock: Clock,
  signal: AbortSignal,
  argument?: string,
): Promise<string> =>
  within(SCRIPT_DEADLINE_MS, `cloud-init/${script}`, clock, signal, (limit) =>
    runScript(channel, script, limit, argument),
  );

async function runScript(
  channel: Channel,
  script: string,
  signal: AbortSignal,
  argument: string | undefined,
): Promise<string> {
  const { exitCode, stdout, complaint } = await runAsRoot(channel, script, signal, argument);
  if (exitCode !== 0) throw failed(`cloud-init/${script} exited with ${exitCode}: ${complaint}`);
  return stdout;
}

const failed = (problem: string): MachineError =>
  new MachineError("seal-failed", `The machine's seed could not be made worthless: ${problem}`);
