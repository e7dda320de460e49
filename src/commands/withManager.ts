import type { Manager } from "../ports/manager.ts";
import { connectManager } from "./connect.ts";
import type { CommandContext } from "./context.ts";
import { withInterrupts } from "./interrupts.ts";
import type { Interrupts } from "./interrupts.ts";

/** Uses the manager that answers at the socket. @throws SystemError `no-daemon` when none does. */
export function withManager<T>(
  context: CommandContext,
  use: (manager: Manager, interrupts: Interrupts) => Promise<T>,
): Promise<T> {
  return withInterrupts(async (interrupts) => use(await connectManager(context), interrupts));
}
