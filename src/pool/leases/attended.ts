import type { EpochMs, LeaseId } from "../../domain/ids.ts";
import type { Clock } from "../../ports/clock.ts";

/** Who waits for a lease in this process: a holder whose call is open is alive, however long it takes. */
export interface Attended {
  /** Notes a wait. Answers what to call when it is over. */
  begin(id: LeaseId, clock: Pick<Clock, "now">): () => void;
  /** The last instant at which somebody waited for the lease: Infinity while somebody does, 0 when nobody ever did. */
  lastAt(id: LeaseId): EpochMs;
  forget(id: LeaseId): void;
}

/** Creates an empty register. */
export function createAttended(): Attended {
  const waits = new Map<LeaseId, { count: number; lastAt: EpochMs }>();

  return {
    begin(id, clock) {
      const wait = waits.get(id) ?? { count: 0, lastAt: 0 };
      wait.count += 1;
      waits.set(id, wait);
      return () => {
        wait.count -= 1;
        wait.lastAt = clock.now();
      };
    },
    lastAt(id) {
      const wait = waits.get(id);
      if (wait === undefined) return 0;
      return wait.count > 0 ? Infinity : wait.lastAt;
    },
    forget: (id) => void waits.delete(id),
  };
}
