import { createApiClient } from "../api/client.ts";
import type { Manager } from "../ports/manager.ts";
import type { CommandContext } from "./context.ts";
import { InterruptedError } from "./exit.ts";

/** Aborted by the first and by the second SIGINT or SIGTERM. */
export interface Interrupts {
  readonly first: AbortSignal;
  readonly second: AbortSignal;
}

/** Uses the manager that answers at the socket. @throws SystemError `no-daemon` when none does. */
export async function withManager<T>(
  context: CommandContext,
  use: (manager: Manager, interrupts: Interrupts) => Promise<T>,
): Promise<T> {
  const first = new AbortController();
  const second = new AbortController();
  const onSignal = (): void => {
    const next = first.signal.aborted ? second : first;
    next.abort(new InterruptedError("interrupted"));
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  try {
    const manager = createApiClient(await context.socketPath());
    return await use(manager, { first: first.signal, second: second.signal });
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}
