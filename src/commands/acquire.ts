import { CapacityError, ConfigError } from "../domain/errors.ts";
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
      return await waitUntilHeld(manager, view, request, context, first);
    } catch (error) {
      // Nobody would renew it: it is given back now rather than left to lapse with a machine on it.
      if (id !== undefined) await giveBack(await connectManager(context), id);
      throw first.aborted ? first.reason : error;
    }
  });
}

async function waitUntilHeld(
  manager: Manager,
  asked: LeaseView,
  { ttlMs, waitTimeoutMs }: { readonly ttlMs: number; readonly waitTimeoutMs: number },
  { stderr }: CommandContext,
  signal: AbortSignal,
): Promise<LeaseView> {
  let view = asked;
  let shownWhy: string | undefined;
  while (view.lease.state === "waiting") {
    if (view.why !== undefined && view.why !== shownWhy) await writeAll(stderr, `mayfly: waiting: ${view.why}\n`);
    shownWhy = view.why ?? shownWhy;
    // A lease that waits must be renewed like one that is held.
    view = await manager.awaitLease(view.lease.id, Math.ceil(ttlMs / 3), view.why, signal);
    if (view.lease.state === "waiting") view = await manager.renewLease(view.lease.id);
  }
  if (view.lease.state === "held") return view;
  const why = shownWhy === undefined ? "" : `: ${shownWhy}`;
  if (view.lease.outcome === "wait-timeout") {
    throw new CapacityError("wait-timeout", `no machine came within ${shownDuration(waitTimeoutMs)}${why}`);
  }
  throw new CapacityError("lease-ended", `the lease ended before a machine came (${view.lease.outcome})${why}`);
}

async function giveBack(manager: Manager, id: LeaseId): Promise<void> {
  try {
    await manager.releaseLease(id);
  } catch {
    // It lapses by itself; the first failure is what the caller reports.
  }
}
