import type { Change } from "../ports/store.ts";
import { checkAdded, checkJob, checkLease, checkMoved } from "./rules.ts";
import type { Tables } from "./tables.ts";

/** Writes one change, inside the caller's transaction. @throws ConflictError when the stored records forbid it. */
export function applyChange(tables: Tables, change: Change): void {
  switch (change.kind) {
    case "machine-added":
      checkAdded(tables.machines.get(change.machine.id), change.machine);
      tables.machines.put(change.machine.id, change.machine, undefined);
      tables.keys.put(change.machine.id, change.keys);
      return;
    case "machine-moved": {
      const { machine, from } = change;
      checkMoved(tables.machines.get(machine.id), machine, from);
      tables.machines.put(machine.id, machine, machine.state === "terminated" ? machine.terminatedAt : undefined);
      if (machine.state === "terminated") tables.keys.remove(machine.id);
      return;
    }
    case "lease": {
      const { lease } = change;
      checkLease(tables.leases.get(lease.id), lease);
      tables.leases.put(lease.id, lease, lease.state === "ended" ? lease.endedAt : undefined);
      return;
    }
    case "job": {
      const { job, spec, progress } = change;
      checkJob(tables.jobs.get(job.id), job);
      tables.jobs.put(job.id, job, job.state === "ended" ? job.endedAt : undefined);
      // A spec holds the job's secrets and up to 16 MiB: it goes with the last use that anyone has for it.
      if (job.state === "ended") tables.specs.remove(job.id);
      else if (spec !== undefined) tables.specs.put(job.id, spec);
      if (job.state !== "running") tables.progress.remove(job.id);
      else if (progress !== undefined) tables.progress.put(job.id, progress);
      return;
    }
    case "pool-mode":
      tables.poolModes.put(change.poolName, change.mode);
      return;
    case "pool-memory":
      tables.planner.remember(change.poolName, change.memory);
      return;
    case "level-decided":
      tables.planner.addDecision(change.decision);
      return;
    case "shadow-recorded":
      tables.shadows.addPeriod(change.period);
      return;
    case "shadow-memory": {
      const { poolName, shadowName, memory } = change;
      if (memory === undefined) tables.shadows.forget(poolName, shadowName);
      else tables.shadows.remember(poolName, shadowName, memory);
      return;
    }
    case "event":
      tables.addEvent(change.event);
  }
}
