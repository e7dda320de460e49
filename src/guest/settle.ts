import { text } from "node:stream/consumers";
import { MachineError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { ReadyGuest } from "../ports/guest.ts";
import { within } from "./deadline.ts";

/** An idle machine has little to write, but its disk may be slow. */
const SETTLE_DEADLINE_MS = 60_000;

/** Has a machine write to its disk what it holds in memory: a provider that gets no answer to its stop cuts the power. */
export async function settleMachine(
  { channel }: Pick<ReadyGuest, "channel">,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  await within(SETTLE_DEADLINE_MS, "`sync`", clock, signal, async (limit) => {
    const { stdin, stdout, stderr, exited } = await channel.exec("sync", {}, limit);
    stdin.end();
    const [, complaint, { exitCode }] = await Promise.all([text(stdout), text(stderr), exited]);
    if (exitCode !== 0)
      throw new MachineError("settle-failed", `Expected \`sync\` to exit with 0, got ${exitCode}: ${complaint.trim()}`);
  });
}
