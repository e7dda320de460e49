import type { EpochMs, LeaseId } from "../../domain/ids.ts";
import type { LeaseOutcome } from "../../domain/lease.ts";
import type { LiveMachine, RetireReason } from "../../domain/machine.ts";
import { desiredPool, eventOf, nudge } from "../fleet.ts";
import type { Fleet } from "../fleet.ts";
import { recordOrRetry } from "../state/record.ts";
import type { OpenLease } from "../state/state.ts";
import { afterRetirement, machineRetirement } from "../terminate.ts";

/**
 * Ends a lease and with it its machine. Ended already is success. While the store cannot write, it resolves at once, and the
 * end is recorded as soon as may be.
 * @param isStill asked again when the end is decided: what was seen before may be over by then, a wait for instance.
 */
export async function endLease(
  fleet: Fleet,
  id: LeaseId,
  outcome: LeaseOutcome,
  detail: string,
  isStill: (lease: OpenLease) => boolean = () => true,
): Promise<void> {
  const end = async (): Promise<Retired | undefined> => {
    const lease = fleet.state.lease(id);
    if (lease === undefined || !isStill(lease)) return undefined;
    const endedAt = fleet.deps.clock.now();
    const machineId = lease.state === "held" ? lease.machineId : undefined;
    const machine = machineId === undefined ? undefined : fleet.state.machine(machineId);
    const reason = reasonFrom(outcome, lease);
    const isLive = machine !== undefined && machine.state !== "terminating";
    const heldSince = lease.state === "held" ? lease.heldSince : undefined;
    const waitedMs = lease.waitedMs ?? fleet.waits.waitedBy(lease, endedAt);
    const waited = waitedMs === undefined ? {} : { waitedMs };
    await fleet.state.commit([
      { kind: "lease", lease: { ...lease, ...waited, state: "ended", machineId, heldSince, endedAt, outcome } },
      eventOf(fleet, {
        leaseId: id,
        machineId,
        jobId: lease.jobId,
        what: "lease ended",
        detail: `${outcome}: ${detail}`,
      }),
      ...(isLive ? machineRetirement(fleet, machine, reason, detail) : []),
    ]);
    fleet.attended.forget(id);
    fleet.deps.logger.info({ leaseId: id, machineId, outcome, detail }, "lease ended");
    return isLive ? { machine, reason } : undefined;
  };
  await recordOrRetry(
    fleet,
    `end ${id}`,
    end,
    (retired) => {
      if (retired !== undefined) afterRetirement(fleet, retired.machine, retired.reason, detail);
      nudge(fleet);
    },
    fleet.state.lease(id)?.poolName,
  );
}

interface Retired {
  readonly machine: LiveMachine;
  readonly reason: RetireReason;
}

function reasonFrom(outcome: LeaseOutcome, lease: OpenLease): RetireReason {
  switch (outcome) {
    case "released":
      return lease.jobId === undefined ? "lease-released" : "job-finished";
    case "cancelled":
      return "job-cancelled";
    case "lapsed":
    case "wait-timeout":
    case "pool-removed":
      return "lease-lapsed";
    case "machine-lost":
      return "channel-lost";
    case "shutdown":
      return "shutdown";
  }
}

/** The leases whose holder fell silent and those that waited for too long. */
export function dueLeases(fleet: Fleet): readonly OpenLease[] {
  const now = fleet.deps.clock.now();
  return fleet.state.leases().filter((lease) => mayBeDue(lease, now) && leaseDueAt(fleet, lease) <= now);
}

/** A lease that was renewed in time is not due, whoever waits for it: the quick answer about nearly all of a long queue. */
const mayBeDue = (lease: OpenLease, now: EpochMs): boolean =>
  lease.expiresAt <= now || (lease.state === "waiting" && lease.waitDeadlineAt <= now);

/** Ends leases that are due. */
export async function expireLeases(fleet: Fleet, due: readonly OpenLease[]): Promise<void> {
  const now = fleet.deps.clock.now();
  for (const lease of due) {
    const { id, state, ttlMs } = lease;
    if (lapsesAt(fleet, lease) <= now) {
      const text = `no sign of life of its holder within ${ttlMs / 1000} s`;
      await endLease(fleet, id, "lapsed", text, (one) => one.state === state && lapsesAt(fleet, one) <= now);
    } else {
      const why = fleet.state.notes(lease.poolName).waitWhy;
      await endLease(fleet, id, "wait-timeout", why, (one) => one.state === "waiting");
    }
  }
}

/** Leases that wait for a machine of a pool that nobody wishes for any more. */
export function strandedLeases(fleet: Fleet): OpenLease[] {
  const names = new Set(fleet.deps.desired().pools.map(({ name }) => name));
  return fleet.state.leases().filter(({ state, poolName }) => state === "waiting" && !names.has(poolName));
}

/** Ends them: nothing would ever come. */
export async function endStranded(fleet: Fleet, leases: readonly OpenLease[]): Promise<void> {
  for (const { id, poolName } of leases) {
    const isStill = ({ state }: OpenLease): boolean =>
      state === "waiting" && desiredPool(fleet, poolName) === undefined;
    await endLease(fleet, id, "pool-removed", `pool ${poolName} is not in the configuration`, isStill);
  }
}

/** When a lease ends by the passing of time, as things are now. */
export const leaseDueAt = (fleet: Fleet, lease: OpenLease): EpochMs =>
  lease.state === "held" ? lease.expiresAt : Math.min(lease.waitDeadlineAt, lapsesAt(fleet, lease));

/** When a lease lapses: a holder who has a wait open is alive. */
const lapsesAt = (fleet: Fleet, lease: OpenLease): EpochMs =>
  lease.state === "held" ? lease.expiresAt : Math.max(lease.expiresAt, fleet.attended.lastAt(lease.id) + lease.ttlMs);
