import { ConflictError, NotFoundError } from "../domain/errors.ts";
import type { Lease } from "../domain/lease.ts";
import type { Clock } from "../ports/clock.ts";
import type { Leases } from "../ports/leases.ts";
import type { Logger } from "../ports/logger.ts";

/** Renewals in one time to live: two may fail before the lease lapses. */
const RENEWALS_PER_TTL = 3;

/** Renews a lease, waiting or held, until the signal aborts or the lease has ended. Never rejects. */
export async function keepRenewed(
  lease: Lease,
  deps: { readonly leases: Pick<Leases, "renew">; readonly clock: Clock; readonly logger: Logger },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await deps.clock.sleep(lease.ttlMs / RENEWALS_PER_TTL, signal);
      await deps.leases.renew(lease.id);
    } catch (error) {
      if (signal.aborted || error instanceof ConflictError || error instanceof NotFoundError) {
        return;
      }
      deps.logger.warn({ err: error, leaseId: lease.id }, "could not renew a lease");
    }
  }
}
