import type { LeaseOutcome } from "../../domain/lease.ts";
import type { LeaseIn } from "../../domain/lease.ts";
import type { Machine, MachineIn } from "../../domain/machine.ts";
import type { DesiredFleet } from "../../pool/fleet.ts";
import type { Change } from "../../ports/store.ts";
import type { Check } from "../world/happening.ts";
import { isAlive } from "../world/truth.ts";
import type { MachineTruth } from "../world/truth.ts";
import type { World } from "../world/world.ts";

/** What may be off between the manager's clock and the true time, in milliseconds. */
const TOLERANCE_MS = 1_500;

/** I3: no machine with a live lease is ended, except for the reasons that a user gave; nor a lease whose holder lives. */
export function createNoKillCheck(world: World): Check {
  return (happening) => {
    switch (happening.what) {
      case "ended-by-us":
        return killOf(world.truth.machine(happening.instance.machineId));
      case "commits":
        return first(happening.changes, (change) => {
          if (change.kind === "lease" && change.lease.state === "ended")
            return endOf(world, change.lease, happening.desired);
          if (change.kind === "machine-moved" && change.from === "leased" && change.machine.state === "terminating")
            return retirementOf(world, change.machine, happening.changes);
          return undefined;
        });
      default:
        return undefined;
    }
  };
}

/** The first sentence that a list of changes brings forth. */
const first = (changes: readonly Change[], look: (change: Change) => string | undefined): string | undefined => {
  for (const change of changes) {
    const text = look(change);
    if (text !== undefined) return text;
  }
  return undefined;
};

function killOf({ id, record }: MachineTruth): string | undefined {
  if (record === undefined || record.state === "terminating" || record.state === "terminated") return undefined;
  return `the instance of ${id} is ended while the store has it as ${record.state}`;
}

function retirementOf(world: World, machine: MachineIn<"terminating">, changes: readonly Change[]): string | undefined {
  const leaseId = machine.leaseId;
  const lease = leaseId === undefined ? undefined : world.truth.openLeases.get(leaseId);
  if (lease === undefined) return undefined;
  const ends = changes.some(
    (change) => change.kind === "lease" && change.lease.id === leaseId && change.lease.state === "ended",
  );
  return ends ? undefined : `${machine.id} is retired as ${machine.reason} while ${leaseId} holds it`;
}

function endOf(world: World, lease: LeaseIn<"ended">, desired: DesiredFleet): string | undefined {
  const before = world.truth.leases.get(lease.id);
  if (before === undefined || before.record.state === "ended") return undefined;
  const text = complaint(world, lease.outcome, lease, desired);
  return text === undefined ? undefined : `${lease.id} ended as ${lease.outcome}, but ${text}`;
}

function complaint(
  world: World,
  outcome: LeaseOutcome,
  lease: LeaseIn<"ended">,
  desired: DesiredFleet,
): string | undefined {
  const { truth, clock } = world;
  const before = truth.leases.get(lease.id);
  if (before === undefined) return undefined;
  const nowMs = clock.monotonic();
  const awakeSinceMs = world.process?.awakeSinceMs() ?? 0;
  switch (outcome) {
    case "released":
    case "cancelled":
      return before.isReleaseAsked ? undefined : "its holder did not ask for it";
    case "lapsed": {
      const silentMs = nowMs - Math.max(before.lastSignMs, awakeSinceMs);
      return silentMs >= lease.ttlMs - TOLERANCE_MS ? undefined : `its holder was heard of ${silentMs} ms ago`;
    }
    case "wait-timeout":
      return before.record.state === "waiting" ? undefined : "it did not wait any more";
    case "pool-removed":
      return desired.pools.some(({ name }) => name === lease.poolName) ? "its pool is there" : undefined;
    case "shutdown":
      return world.isStopping ? undefined : "the manager is not stopping";
    case "machine-lost":
      return lossOf(world, lease.machineId === undefined ? undefined : truth.machine(lease.machineId));
  }
}

/** Why a machine cannot have been lost, or ended by its operator or its job's time. */
function lossOf(world: World, machine: MachineTruth | undefined): string | undefined {
  if (machine === undefined) return "it had no machine";
  if (machine.isEndedByOperator || machine.isPoweredOff || !machine.instances.some(isAlive)) return undefined;
  if (LOSSES.some((kind) => machine.touches.has(kind))) return undefined;
  if (machine.record?.state === "leased" && isOverdue(world, machine.record)) return undefined;
  return `nothing befell ${machine.id}`;
}

/** Faults after which the manager is right to take a leased machine for lost. */
const LOSSES = ["channel-cut", "spot-notice", "partition"] as const;

function isOverdue(world: World, machine: Machine & { readonly state: "leased" }): boolean {
  const shortestMs = Math.min(
    ...world.day.pools.filter(({ name }) => name === machine.poolName).map((pool) => pool.jobTimeoutMs),
  );
  const heldMs = world.clock.monotonic() - (world.truth.leases.get(machine.leaseId)?.heldAtMs ?? 0);
  return heldMs >= shortestMs;
}
