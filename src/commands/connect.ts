import type { Manager } from "../ports/manager.ts";
import type { CommandContext } from "./context.ts";

/** Creates the manager that asks the daemon at the context's socket. Its calls throw SystemError `no-daemon` when none answers. */
export async function connectManager(context: CommandContext): Promise<Manager> {
  const { createApiClient } = await import("../api/client.ts");
  return createApiClient(await context.socketPath());
}
