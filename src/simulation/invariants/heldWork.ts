import type { Check } from "../world/happening.ts";
import type { World } from "../world/world.ts";

const MINUTE_MS = 60_000;
/** A held machine that cannot be reached is given up within this, after the lease or a restart of the manager. */
const REACH_MS = 5 * MINUTE_MS;

/** The part of I6 that is due at once: whoever holds a machine comes to work on it, or is told that it is lost. */
export function createHeldWorkCheck(world: World): Check {
  const { truth, clock, faults } = world;
  return (happening) => {
    if (happening.what !== "minute" || faults.isAny(["disk-full", "disk-slow"])) return undefined;
    const nowMs = clock.monotonic();
    if ((world.process?.awakeSinceMs() ?? Infinity) > nowMs - REACH_MS) return undefined;
    for (const id of truth.openLeases.keys()) {
      const lease = truth.leases.get(id);
      const job = lease?.job;
      if (lease?.record.state !== "held" || lease.heldAtMs > nowMs - REACH_MS) continue;
      if (job === undefined || job.beganAtMs !== undefined || job.stop.signal.aborted) continue;
      const forS = Math.round((nowMs - lease.heldAtMs) / 1_000);
      return `${id} has held ${lease.record.machineId} for ${forS} s, and ${job.plan.name} has not come to work on it`;
    }
    return undefined;
  };
}
