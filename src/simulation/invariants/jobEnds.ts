import type { Check } from "../world/happening.ts";
import type { World } from "../world/world.ts";

/** I5: every accepted job comes to exactly one end, and one whose machine was lost ends as that. */
export function createJobEndsCheck({ truth }: World): Check {
  return (happening) => {
    switch (happening.what) {
      case "job-ended": {
        const { plan, endCount, end, machineId } = happening.job;
        if (endCount > 1) return `${plan.name} has come to ${endCount} ends`;
        const lease = truth.leases.get(happening.job.leaseId ?? ("" as never));
        const isLost = lease?.record.state === "ended" && lease.record.outcome === "machine-lost";
        if (isLost && end !== "machine-lost" && end !== "cancelled" && end !== "success")
          return `${plan.name} ended as ${end} though its machine ${machineId} was lost`;
        return undefined;
      }
      case "commits":
        for (const change of happening.changes) {
          if (change.kind !== "job" || change.job.state !== "ended") continue;
          if (truth.jobs.get(change.job.id)?.state === "ended") return `${change.job.id} ends twice`;
        }
        return undefined;
      default:
        return undefined;
    }
  };
}
