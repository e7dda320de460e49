import type { LeaseId, MachineId } from "../../domain/ids.ts";
import type { Machine } from "../../domain/machine.ts";
import type { Check } from "../world/happening.ts";
import type { World } from "../world/world.ts";

const isOfTier = ({ state }: Machine): boolean => state === "stopping" || state === "stopped" || state === "starting";

/**
 * I1: a machine is leased at most once in its life, never stopped after it, and two leases never share one; nor do two machines
 * an instance.
 */
export function createSingleUseCheck({ truth }: World): Check {
  const leaseOf = new Map<MachineId, LeaseId>();
  const machineOf = new Map<string, MachineId>();

  return (happening) => {
    switch (happening.what) {
      case "commits":
        for (const change of happening.changes) {
          if (change.kind === "machine-moved" && "providerId" in change.machine && change.machine.providerId) {
            const { id, providerId } = change.machine;
            const first = machineOf.get(providerId) ?? id;
            machineOf.set(providerId, first);
            if (first !== id) return `${id} is given ${providerId}, which was given to ${first}`;
          }
          if (change.kind === "machine-moved" && isOfTier(change.machine) && leaseOf.has(change.machine.id))
            return `${change.machine.id} is ${change.machine.state} though it was leased to ${leaseOf.get(change.machine.id)}`;
          if (change.kind !== "lease" || change.lease.state !== "held") continue;
          const { id, machineId } = change.lease;
          const first = leaseOf.get(machineId) ?? id;
          leaseOf.set(machineId, first);
          if (first !== id) return `${machineId} is leased to ${id} after it was leased to ${first}`;
          const before = truth.machine(machineId).record;
          const isNew = truth.leases.get(id)?.record.state !== "held";
          if (isNew && (before?.state !== "idle" || before.isCordoned))
            return `${machineId} is leased to ${id} while it is ${before?.isCordoned ? "cordoned" : before?.state}`;
        }
        return undefined;
      case "work-began": {
        const { workers } = truth.machine(happening.machineId);
        workers.add(happening.job.plan.name);
        return workers.size > 1 ? `${happening.machineId} saw the work of ${[...workers].join(" and ")}` : undefined;
      }
      default:
        return undefined;
    }
  };
}
