import { formatDuration } from "../config/units.ts";
import { CapacityError } from "../domain/errors.ts";
import type { LeaseIn } from "../domain/lease.ts";
import type { LeaseView, Manager } from "../ports/manager.ts";

/** How often a waiting lease is renewed in one time to live. */
const RENEWALS_PER_TTL = 3;

/**
 * Waits until a lease that was asked for is held, renewing it meanwhile.
 * @param waitTimeoutMs that it was asked for with; the manager watches it.
 * @param onWait told in one sentence why it still waits, whenever that changes.
 * @throws CapacityError `wait-timeout` with the last why when no machine came in time, `lease-ended` when it ended otherwise.
 */
export async function awaitHeld(
  manager: Pick<Manager, "awaitLease" | "renewLease">,
  asked: LeaseView,
  waitTimeoutMs: number,
  onWait: (why: string) => Promise<void> | void,
  signal: AbortSignal,
): Promise<LeaseIn<"held">> {
  let view = asked;
  let shownWhy: string | undefined;
  while (view.lease.state === "waiting") {
    if (view.why !== undefined && view.why !== shownWhy) await onWait(view.why);
    shownWhy = view.why ?? shownWhy;
    // A lease that waits must be renewed like one that is held.
    view = await manager.awaitLease(view.lease.id, Math.ceil(view.lease.ttlMs / RENEWALS_PER_TTL), view.why, signal);
    if (view.lease.state === "waiting") view = await manager.renewLease(view.lease.id);
  }
  if (view.lease.state === "held") return view.lease;
  const why = shownWhy === undefined ? "" : `: ${shownWhy}`;
  const { outcome } = view.lease;
  if (outcome === "wait-timeout") {
    throw new CapacityError("wait-timeout", `no machine came within ${formatDuration(waitTimeoutMs)}${why}`);
  }
  throw new CapacityError("lease-ended", `the lease ended before a machine came (${outcome})${why}`);
}
