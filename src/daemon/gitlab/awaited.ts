import { COMING_MS } from "../../ports/announce.ts";
import type { Announcement } from "../../ports/announce.ts";
import type { Clock } from "../../ports/clock.ts";

/** Jobs that may run, and whose leases are on their way. */
export interface AwaitedJobs {
  add(begun: Announcement["begun"]): void;
  /** Tells whether a job is awaited in a pool, and awaits one less. */
  take(poolName: string): boolean;
}

export function createAwaitedJobs(clock: Pick<Clock, "now">): AwaitedJobs {
  /** Until when they are awaited, the first first. */
  const untilByPool = new Map<string, readonly number[]>();
  return {
    add(begun) {
      for (const { poolName, count } of begun) {
        const until = clock.now() + COMING_MS;
        const more = Array.from({ length: count }, () => until);
        untilByPool.set(poolName, [...(untilByPool.get(poolName) ?? []), ...more]);
      }
    },
    take(poolName) {
      const awaited = (untilByPool.get(poolName) ?? []).filter((until) => until > clock.now());
      untilByPool.set(poolName, awaited.slice(1));
      return awaited.length > 0;
    },
  };
}
