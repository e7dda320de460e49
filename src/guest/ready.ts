import { text } from "node:stream/consumers";
import { MachineError } from "../domain/errors.ts";
import type { Channel } from "../ports/channel.ts";
import type { Clock } from "../ports/clock.ts";
import type { Engine } from "../ports/engine.ts";
import { within } from "./deadline.ts";

const SUDO_DEADLINE_MS = 60_000;
/** While systemd holds the engine's socket, a request waits until the engine has started; a lost one is asked again. */
const PING_DEADLINE_MS = 15_000;
const PING_PAUSE_MS = 100;

/**
 * Waits until the account has its rights and the engine answers.
 * @throws MachineError `boot-failed` when sudo asks for more than `-n`; MachineLostError when the connection ends meanwhile.
 */
export async function probeMachine(channel: Channel, engine: Engine, clock: Clock, signal: AbortSignal): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  try {
    await Promise.all([probeSudo(channel, clock, either), probeEngine(channel, engine, clock, either)]);
  } finally {
    failed.abort();
  }
}

const probeSudo = (channel: Channel, clock: Clock, signal: AbortSignal): Promise<void> =>
  within(SUDO_DEADLINE_MS, "`sudo -n true`", clock, signal, async (limit) => {
    const { stdin, stdout, stderr, exited } = await channel.exec("sudo -n true", {}, limit);
    stdin.end();
    const [, complaint, { exitCode }] = await Promise.all([text(stdout), text(stderr), exited]);
    if (exitCode !== 0) {
      throw new MachineError(
        "boot-failed",
        `Expected \`sudo -n true\` to exit with 0, got ${exitCode}: ${complaint.trim()}`,
      );
    }
  });

async function probeEngine(channel: Channel, engine: Engine, clock: Clock, signal: AbortSignal): Promise<void> {
  let isLost = false;
  void channel.closed.then(() => {
    isLost = true;
  });
  for (;;) {
    try {
      return await within(PING_DEADLINE_MS, "the engine", clock, signal, (limit) => engine.ping(limit));
    } catch (error) {
      signal.throwIfAborted();
      if (isLost) throw error;
    }
    await clock.sleep(PING_PAUSE_MS, signal);
  }
}
