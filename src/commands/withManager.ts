import { isManagerAway } from "../api/outage.ts";
import { SystemError } from "../domain/errors.ts";
import type { Manager } from "../ports/manager.ts";
import { connectPatiently } from "./connect.ts";
import type { CommandContext } from "./context.ts";
import { InterruptedError } from "./exit.ts";
import { withInterrupts } from "./interrupts.ts";
import type { Interrupts } from "./interrupts.ts";
import { mayflyVersion } from "./version.ts";

/**
 * Uses the daemon that answers at the socket, and waits for it, up to `reconnectMs`, when it goes away. Without one it starts a manager in this process, and ends it, machines and all,
 * when `use` is done; a second interrupt hurries that. @throws SystemError `no-daemon` when a socket was named and none answers there.
 */
export function withManager<T>(
  context: CommandContext,
  reconnectMs: number,
  use: (manager: Manager, interrupts: Interrupts) => Promise<T>,
): Promise<T> {
  return withInterrupts(async (interrupts) => {
    const daemon = await connectPatiently(context, reconnectMs, interrupts);
    if (await doesAnswer(daemon, context.isSocketNamed)) return useDaemon(daemon, interrupts, use);
    return withEmbeddedManager(context, 0, interrupts, use);
  });
}

async function useDaemon<T>(
  daemon: Manager,
  interrupts: Interrupts,
  use: (manager: Manager, interrupts: Interrupts) => Promise<T>,
): Promise<T> {
  try {
    return await use(daemon, interrupts);
  } catch (error) {
    // Who interrupts while the manager is away ends the wait, and is told what becomes of the job.
    if (interrupts.first.aborted && isManagerAway(error)) throw new InterruptedError(error.message);
    throw error;
  }
}

async function doesAnswer(daemon: Manager, isNamed: boolean): Promise<boolean> {
  try {
    await daemon.health();
    return true;
  } catch (error) {
    if (isNamed || !(error instanceof SystemError && error.code === "no-daemon")) throw error;
    return false;
  }
}

/** Uses a manager in this process, with at most `idleCount` machines kept ready in each pool. */
export async function withEmbeddedManager<T>(
  context: CommandContext,
  idleCount: number,
  interrupts: Interrupts,
  use: (manager: Manager, interrupts: Interrupts) => Promise<T>,
): Promise<T> {
  const { startEmbeddedManager } = await import("../daemon/embedded.ts");
  const { config } = await context.loadConfig();
  const running = await startEmbeddedManager(config, mayflyVersion(), idleCount, interrupts.first);
  try {
    return await use(running.manager, interrupts);
  } finally {
    const left = await running.close(interrupts.second);
    for (const machine of left) {
      context.stderr.write(`mayfly: machine ${machine.id} could not be ended; the next mayfly here will end it\n`);
    }
  }
}
