import type { EpochMs, LeaseId } from "../domain/ids.ts";
import type { LeaseOutcome } from "../domain/lease.ts";
import type { RetireReason } from "../domain/machine.ts";
import { eventOf, nudge } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import type { OpenLease } from "./state.ts";
import { afterRetirement, retirement } from "./terminate.ts";

/** Ends a lease and with it its machine. Ended already is success. */
export async function endLease(fleet: Fleet, id: LeaseId, outcome: LeaseOutcome, detail: string): Promise<void> {
  const retired = await fleet.decide(async () => {
    const lease = fleet.state.lease(id);
    if (lease === undefined) return undefined;
    const endedAt = fleet.deps.clock.now();
    const machineId = lease.state === "held" ? lease.machineId : undefined;
    const machine = machineId === undefined ? undefined : fleet.state.machine(machineId);
    const reason = reasonFrom(outcome, lease);
    const isLive = machine !== undefined && machine.state !== "terminating";
    await fleet.state.commit([
      { kind: "lease", lease: { ...lease, state: "ended", machineId, endedAt, outcome } },
      eventOf(fleet, {
        leaseId: id,
        machineId,
        jobId: lease.jobId,
        what: "lease ended",
        detail: `${outcome}: ${detail}`,
      }),
      ...(isLive ? retirement(fleet, machine, reason, detail) : []),
    ]);
    fleet.attended.forget(id);
    fleet.deps.logger.info({ leaseId: id, machineId, outcome, detail }, "lease ended");
    return isLive ? { machine, reason } : undefined;
  });
  if (retired !== undefined) afterRetirement(fleet, retired.machine, retired.reason, detail);
  nudge(fleet);
}

function reasonFrom(outcome: LeaseOutcome, lease: OpenLease): RetireReason {
  switch (outcome) {
    case "released":
      return lease.jobId === undefined ? "lease-released" : "job-finished";
    case "cancelled":
      return "job-cancelled";
    case "lapsed":
    case "wait-timeout":
      return "lease-lapsed";
    case "machine-lost":
      return "channel-lost";
    case "shutdown":
      return "shutdown";
  }
}

/** Ends the leases whose holder fell silent and those that waited for too long. */
export async function expireLeases(fleet: Fleet): Promise<void> {
  const now = fleet.deps.clock.now();
  for (const lease of fleet.state.leases()) {
    if (lease.state === "waiting" && lease.waitDeadlineAt <= now) {
      await endLease(fleet, lease.id, "wait-timeout", fleet.state.notes(lease.poolName).waitWhy);
    } else if (lapsesAt(fleet, lease) <= now) {
      await endLease(fleet, lease.id, "lapsed", `no sign of life of its holder within ${lease.ttlMs / 1000} s`);
    }
  }
}

/** When a lease lapses, as things are now: a holder who has a wait open is alive. */
const lapsesAt = (fleet: Fleet, lease: OpenLease): EpochMs =>
  lease.state === "held" ? lease.expiresAt : Math.max(lease.expiresAt, fleet.attended.lastAt(lease.id) + lease.ttlMs);
