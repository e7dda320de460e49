import type { Check } from "../world/happening.ts";
import { isAlive } from "../world/truth.ts";
import type { World } from "../world/world.ts";

const MINUTE_MS = 60_000;
/** An instance that is to end, or that nobody knows, is gone within this, not counting the time in which something stands in the way. */
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
  "server-errors",
  "answers-cut",
  "describe-late",
  "disk-full",
  "disk-slow",
] as const;

/** I2: every instance is known to the store or is gone within its deadline, as is what is terminating; no machine is two instances. */
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
          const state = truth.liveMachines.get(machineId)?.state;
          if (goneAt !== undefined || (state !== undefined && state !== "terminating")) continue;
          machine.strayMs += MINUTE_MS;
          if (machine.strayMs > REAP_DEADLINE_MS)
            return `${machineId}: ${providerId} is ${state ?? "known to nobody"} for ${machine.strayMs / MINUTE_MS} min, and nobody ends it`;
        }
        return undefined;
      }
      default:
        return undefined;
    }
  };
}
