import type { Manager } from "../ports/manager.ts";
import type { CommandContext } from "./context.ts";
import type { Interrupts } from "./interrupts.ts";

/** Creates the manager that asks the daemon at the context's socket. Its calls throw SystemError `no-daemon` when none answers. */
export async function connectManager(context: CommandContext): Promise<Manager> {
  const { createApiClient } = await import("../api/client.ts");
  return createApiClient(await context.socketPath());
}

/**
 * Creates the manager that asks the daemon at the context's socket and, once that has answered, waits for it when it goes
 * away, saying so on stderr. @throws SystemError `manager-away` at its calls when it was waited for in vain.
 * @param reconnectMs for how long; 0 for not at all.
 * @param interrupts the second ends the wait.
 */
export async function connectPatiently(
  context: CommandContext,
  reconnectMs: number,
  interrupts?: Interrupts,
): Promise<Manager> {
  const manager = await connectManager(context);
  if (reconnectMs === 0) return manager;
  const [{ createReconnectingManager }, { systemClock }, { systemRandom }] = await Promise.all([
    import("../api/reconnect.ts"),
    import("../daemon/clock.ts"),
    import("../daemon/random.ts"),
  ]);
  return createReconnectingManager(manager, {
    timeoutMs: reconnectMs,
    clock: systemClock,
    random: systemRandom,
    tell: (text) => void context.stderr.write(`mayfly: ${text}\n`),
    interrupt: interrupts?.first,
    hurry: interrupts?.second,
  });
}
