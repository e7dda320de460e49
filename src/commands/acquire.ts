import { awaitHeld } from "../api/awaitHeld.ts";
import { ConfigError } from "../domain/errors.ts";
import type { LeaseId } from "../domain/ids.ts";
import type { LeaseRequest } from "../ports/leases.ts";
import type { LeaseView, Manager } from "../ports/manager.ts";
import { connectManager, connectPatiently } from "./connect.ts";
import type { CommandContext } from "./context.ts";
import { withInterrupts } from "./interrupts.ts";
import { writeAll } from "./output.ts";
import { shownDuration } from "./shown.ts";

/** The API takes none that is shorter. */
const MIN_TTL_MS = 1_000;

/**
 * Acquires a lease and waits until it is held, saying on stderr why it waits. An interrupt gives it back. A daemon that goes
 * away is waited for, up to `reconnectMs`.
 * @throws CapacityError with the last why when no machine came in time.
 */
export async function acquireLease(
  context: CommandContext,
  request: LeaseRequest & { readonly ttlMs: number; readonly waitTimeoutMs: number },
  reconnectMs: number,
): Promise<LeaseView> {
  if (request.ttlMs < MIN_TTL_MS) {
    const message = `Expected at least ${shownDuration(MIN_TTL_MS)}, got ${shownDuration(request.ttlMs)}`;
    throw new ConfigError([{ place: "--ttl", message }], "usage");
  }
  return withInterrupts(async ({ first }) => {
    const manager = await connectPatiently(context, reconnectMs, { first, second: first });
    let id: LeaseId | undefined;
    try {
      const view = await manager.acquireLease(request);
      id = view.lease.id;
      const tell = (why: string): Promise<void> => writeAll(context.stderr, `mayfly: waiting: ${why}\n`);
      return { lease: await awaitHeld(manager, view, request.waitTimeoutMs, tell, first) };
    } catch (error) {
      // Nobody would renew it: it is given back now rather than left to lapse with a machine on it.
      if (id !== undefined) await giveBack(await connectManager(context), id);
      throw first.aborted ? first.reason : error;
    }
  });
}

async function giveBack(manager: Manager, id: LeaseId): Promise<void> {
  try {
    await manager.releaseLease(id);
  } catch {
    // It lapses by itself; the first failure is what the caller reports.
  }
}
