import type { EpochMs } from "../../domain/ids.ts";
import type { Machine } from "../../domain/machine.ts";
import type { Check } from "../world/happening.ts";
import type { World } from "../world/world.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** I10: no launch is decided in a pool whose machines have cost as much since midnight as its budget for the day is. */
export function createBudgetCheck(world: World): Check {
  // A host whose clock has jumped has its midnights elsewhere.
  let hasJumped = false;
  // Stopped instances cost their disks alone, which nobody tells here.
  if (world.day.provider.stopMs !== undefined) return () => undefined;

  return (happening) => {
    hasJumped ||= world.jumpedMs !== 0;
    if (happening.what !== "commits" || hasJumped) return undefined;
    for (const change of happening.changes) {
      if (change.kind !== "machine-added") continue;
      const { poolName, requestedAt } = change.machine;
      const pool = happening.desired.pools.find(({ name }) => name === poolName);
      const { budgetUsdPerDay, cost } = pool ?? {};
      if (budgetUsdPerDay === undefined) continue;
      const midnight = Math.floor(requestedAt / DAY_MS) * DAY_MS;
      const spent = (ranMs(world, poolName, midnight, requestedAt) / HOUR_MS) * (cost?.usdPerHour ?? 0);
      if (spent > budgetUsdPerDay)
        return `machine ${change.machine.id} is launched in pool ${poolName}, which has spent ${spent} of ${budgetUsdPerDay} today`;
    }
    return undefined;
  };
}

/** How long instances that the store knows of really ran between two instants, in milliseconds. */
function ranMs({ truth }: World, poolName: string, from: EpochMs, to: EpochMs): number {
  let sum = 0;
  for (const { record, instances } of truth.machines.values()) {
    if (record?.poolName !== poolName) continue;
    const instance = instances.find(({ providerId }) => providerId === providerIdOf(record));
    if (instance === undefined) continue;
    // One that its provider denied, and so was given up, runs on unknown to the manager.
    const end = Math.min(to, instance.goneAt ?? to, record.state === "terminated" ? record.terminatedAt : to);
    sum += Math.max(0, end - Math.max(from, instance.launchedAt));
  }
  return sum;
}

const providerIdOf = (machine: Machine): string | undefined =>
  "providerId" in machine ? machine.providerId : undefined;
