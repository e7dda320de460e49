import type { LeaseIn } from "../../domain/lease.ts";
import type { LiveMachine, MachineIn } from "../../domain/machine.ts";
import { leasedFrom } from "../../domain/moves.ts";
import { assignLeases } from "../../planning/assign.ts";
import { isOutdated } from "../../planning/rollover.ts";
import type { Change } from "../../ports/store.ts";
import { eventOf, modeOf } from "../fleet.ts";
import type { Fleet } from "../fleet.ts";

/** Machines that may be leased now: a kept channel, and no probe of it that failed. */
export const reachable = (fleet: Fleet, poolName: string): LiveMachine[] =>
  fleet.state
    .machines(poolName)
    .filter(({ id, state }) => state === "idle" && fleet.guests.get(id) !== undefined && !fleet.failedProbes.has(id));

/** Gives idle machines to those who wait. Call it inside `decide`. */
export async function assignWaiting(fleet: Fleet): Promise<void> {
  const changes = fleet.deps
    .desired()
    .pools.filter(({ name }) => fleet.state.waitingCount(name) > 0 && modeOf(fleet, name) === "open")
    .flatMap((pool) =>
      assignLeases(fleet.state.waiting(pool.name), reachable(fleet, pool.name), (machine) => isOutdated(pool, machine)),
    )
    .flatMap(({ lease, machine }) => holding(fleet, lease, machine));
  if (changes.length > 0) await fleet.state.commit(changes);
}

/** The writes that give an idle machine to a lease. Commit them inside `decide`. */
export function holding(fleet: Fleet, lease: LeaseIn<"waiting">, machine: MachineIn<"idle">): Change[] {
  const now = fleet.deps.clock.now();
  const waitedMs = fleet.waits.waitedBy(lease, now);
  const held = {
    ...lease,
    ...(waitedMs === undefined ? {} : { waitedMs }),
    state: "held" as const,
    machineId: machine.id,
    heldSince: now,
    expiresAt: now + lease.ttlMs,
  };
  const { id: leaseId, poolName, jobId } = lease;
  return [
    { kind: "machine-moved", machine: leasedFrom(machine, lease.id, now), from: "idle" },
    { kind: "lease", lease: held },
    eventOf(fleet, {
      leaseId,
      machineId: machine.id,
      poolName,
      jobId,
      what: "machine leased",
      detail: `to ${lease.holder}`,
    }),
  ];
}
