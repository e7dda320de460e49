import type { Check } from "../world/happening.ts";
import { isAlive } from "../world/truth.ts";
import type { World } from "../world/world.ts";

const MINUTE_MS = 60_000;
/** An instance without a live record is reaped within this, not counting the time in which something stands in the way. */
const REAP_DEADLINE_MS = 6 * MINUTE_MS;

/** What keeps a manager from seeing or ending an instance. */
const OBSTACLES = [
  "list-fails",
  "list-hangs",
  "list-stale",
  "list-partial",
  "terminate-lost",
  "terminate-answer-lost",
  "terminate-slow",
  "terminate-refused",
  "terminate-not-found",
  "calls-throttled",
  "disk-full",
  "disk-slow",
] as const;

/** I2: every instance is known to the store or is reaped within its deadline, and no machine is two instances. */
export function createNoLeakCheck(world: World): Check {
  const { truth, clock } = world;

  return (happening) => {
    switch (happening.what) {
      case "launched": {
        const { machineId } = happening.instance;
        const { instances } = truth.machine(machineId);
        return instances.filter(isAlive).length > 1 ? `${machineId} has two instances at once` : undefined;
      }
      case "commits":
        for (const change of happening.changes) {
          if (change.kind !== "machine-moved" || change.machine.state !== "terminated") continue;
          const { instances, touches } = truth.machine(change.machine.id);
          const left = instances.find((one) => one.goneAt === undefined);
          // Its provider itself said that there is no such instance: from here on it counts as one that nobody knows.
          if (left !== undefined && !touches.has("terminate-not-found"))
            return `${change.machine.id} is stored as terminated, but ${left.providerId} is there`;
        }
        return undefined;
      case "minute": {
        const isInTheWay =
          world.faults.isAny(OBSTACLES) || (world.process?.awakeSinceMs() ?? Infinity) > clock.monotonic() - MINUTE_MS;
        if (isInTheWay) return undefined;
        for (const { machineId, providerId, goneAt } of world.provider.instances()) {
          const machine = truth.machine(machineId);
          if (goneAt !== undefined || truth.liveMachines.has(machineId)) continue;
          machine.strayMs += MINUTE_MS;
          if (machine.strayMs > REAP_DEADLINE_MS)
            return `${machineId}: nobody knows ${providerId} for ${machine.strayMs / MINUTE_MS} min, and nobody reaps it`;
        }
        return undefined;
      }
      default:
        return undefined;
    }
  };
}
