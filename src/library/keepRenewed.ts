import { ConflictError, MachineLostError, NotFoundError } from "../domain/errors.ts";
import type { LeaseIn } from "../domain/lease.ts";
import type { AcquireDeps } from "./acquire.ts";

/** Renewals in one time to live: two may fail before the lease lapses. */
const RENEWALS_PER_TTL = 3;

/** What a manager says of a lease that has ended. */
const ENDED = [ConflictError, NotFoundError, MachineLostError];

/** Renews a lease until the signal aborts or it is known to have ended; resolves with why. Never rejects. */
export async function keepRenewed(
  { manager, clock }: AcquireDeps,
  { id, ttlMs }: LeaseIn<"held">,
  signal: AbortSignal,
): Promise<unknown> {
  for (let renewedAt = clock.monotonic(); ; ) {
    try {
      await clock.sleep(ttlMs / RENEWALS_PER_TTL, signal);
      await manager.renewLease(id);
      renewedAt = clock.monotonic();
    } catch (error) {
      if (signal.aborted || ENDED.some((kind) => error instanceof kind)) return error;
      // What failed may have been the way to the manager alone; a whole time to live later it makes no difference.
      if (clock.monotonic() - renewedAt >= ttlMs) return error;
    }
  }
}
