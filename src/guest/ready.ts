import { text } from "node:stream/consumers";
import { MachineError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { ReadyGuest } from "../ports/guest.ts";
import type { Logger } from "../ports/logger.ts";
import { setSwitchBack } from "./alive.ts";
import { within } from "./deadline.ts";

const SUDO_DEADLINE_MS = 60_000;
const SWITCH_DEADLINE_MS = 60_000;
/** While systemd holds the engine's socket, a request waits until the engine has started; a lost one is asked again. */
const PING_DEADLINE_MS = 15_000;
const PING_PAUSE_MS = 100;

interface ProbeDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly switchSocketPath: string | undefined;
}

/** Waits until the engine of a machine answers that has all else of the one that it is a copy of. @throws MachineLostError. */
export const probeRestored = (guest: ReadyGuest, deps: ProbeDeps, signal: AbortSignal): Promise<void> =>
  probeEngine(guest, deps, signal);

/**
 * Waits until the account has its rights, the dead-man's switch is known to be armed, and the engine answers.
 * @throws MachineError `boot-failed` when sudo asks for more than `-n`, `switch-failed` when there is no switch; MachineLostError when the connection ends meanwhile.
 */
export async function probeMachine(guest: ReadyGuest, deps: ProbeDeps, signal: AbortSignal): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  try {
    await Promise.all([
      probeSudo(guest, deps, either),
      probeSwitch(guest, deps, either),
      probeEngine(guest, deps, either),
    ]);
  } finally {
    failed.abort();
  }
}

const probeSudo = ({ channel }: ReadyGuest, { clock }: ProbeDeps, signal: AbortSignal): Promise<void> =>
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

const probeSwitch = ({ channel }: ReadyGuest, deps: ProbeDeps, signal: AbortSignal): Promise<void> =>
  within(SWITCH_DEADLINE_MS, "the dead-man's switch", deps.clock, signal, (limit) =>
    setSwitchBack(channel, limit, deps.switchSocketPath),
  );

async function probeEngine({ channel, engine }: ReadyGuest, deps: ProbeDeps, signal: AbortSignal): Promise<void> {
  let isLost = false;
  void channel.closed.then(() => {
    isLost = true;
  });
  for (;;) {
    try {
      return await within(PING_DEADLINE_MS, "the engine", deps.clock, signal, (limit) => engine.ping(limit));
    } catch (error) {
      signal.throwIfAborted();
      if (isLost) throw error;
      deps.logger.debug({ problem: error instanceof Error ? error.message : error }, "engine not ready yet");
    }
    await deps.clock.sleep(PING_PAUSE_MS, signal);
  }
}
