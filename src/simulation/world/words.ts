import type { Change } from "../../ports/store.ts";

/** Says in the journal's words what a change stores. Events say it for machines and leases already, in the manager's words. */
export function wordsOf(change: Change): { readonly about: string; readonly what: string } {
  switch (change.kind) {
    case "machine-added":
      return { about: change.machine.id, what: `stored: requested in ${change.machine.poolName}` };
    case "machine-moved":
      return { about: change.machine.id, what: `stored: ${change.from} to ${change.machine.state}` };
    case "lease":
      return { about: change.lease.id, what: `stored: lease ${change.lease.state}` };
    case "job":
      return { about: change.job.id, what: `stored: job ${change.job.state}` };
    case "pool-mode":
      return { about: change.poolName, what: `stored: pool ${change.mode}` };
    case "pool-memory":
      return { about: change.poolName, what: "stored: what its planner has learnt" };
    case "level-decided":
      return { about: change.decision.poolName, what: "stored: its level changed" };
    case "shadow-recorded":
      return { about: change.period.poolName, what: `stored: what shadow ${change.period.shadowName} would have done` };
    case "shadow-memory":
      return { about: change.poolName, what: `stored: how shadow ${change.shadowName} stands` };
    case "event": {
      const { machineId = "", leaseId = "", jobId = "", what, detail } = change.event;
      return { about: `${machineId} ${leaseId} ${jobId}`, what: `${what}: ${detail}` };
    }
  }
}
