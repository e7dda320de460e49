import type { Check } from "../world/happening.ts";
import type { World } from "../world/world.ts";

const MINUTE_MS = 60_000;
/** Beyond its time to live, until the next pass has seen that a lease lapsed. */
const PASS_MS = 2 * MINUTE_MS;

/** A dead holder's lease is gone within one time to live and one pass. */
export function createPromptLapseCheck(world: World): Check {
  const { truth, clock, faults } = world;
  return (happening) => {
    if (happening.what !== "minute") return undefined;
    const isInTheWay =
      faults.isAny(["disk-full", "disk-slow"]) ||
      (world.process?.awakeSinceMs() ?? Infinity) > clock.monotonic() - 4 * MINUTE_MS;
    if (isInTheWay) return undefined;
    for (const id of truth.openLeases.keys()) {
      const lease = truth.leases.get(id);
      if (lease === undefined || lease.record.jobId !== undefined) continue;
      const silentMs = clock.monotonic() - Math.max(lease.lastSignMs, world.process?.awakeSinceMs() ?? 0);
      // Whoever waits is heard of by its waiting; only the dead are silent in both ways.
      const isSilent = lease.job === undefined || lease.job.isOrphaned;
      if (isSilent && silentMs > lease.record.ttlMs + PASS_MS)
        return `${id} is ${lease.record.state} though its holder has been silent for ${Math.round(silentMs / 1_000)} s`;
    }
    return undefined;
  };
}
