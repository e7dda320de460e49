import type { EpochMs, LeaseId } from "./ids.ts";
import type { Address, LiveMachine, MachineIn, RetireReason } from "./machine.ts";

/** The provider accepted the launch. */
export function bootingFrom(
  machine: MachineIn<"requested">,
  providerId: string,
  launchedAt: EpochMs,
): MachineIn<"booting"> {
  return { ...machine, state: "booting", providerId, launchedAt };
}

/** The probes passed. */
export function idleFrom(machine: MachineIn<"booting">, address: Address, readyAt: EpochMs): MachineIn<"idle"> {
  return { ...machine, state: "idle", address, readyAt, idleSince: readyAt };
}

/** The machine goes to its one lease. */
export function leasedFrom(machine: MachineIn<"idle">, leaseId: LeaseId, leasedAt: EpochMs): MachineIn<"leased"> {
  const { idleSince: _idleSince, ...rest } = machine;
  return { ...rest, state: "leased", leaseId, leasedAt };
}

/** The machine is to end. A machine that is terminating already keeps its first cause. */
export function terminatingFrom(
  machine: LiveMachine,
  reason: RetireReason,
  detail: string,
  terminatingSince: EpochMs,
): MachineIn<"terminating"> {
  if (machine.state === "terminating") return machine;
  const { id, poolName, driver, launchToken, requestedAt, isCordoned } = machine;
  return {
    ...{ id, poolName, driver, launchToken, requestedAt, isCordoned },
    state: "terminating",
    providerId: machine.state === "requested" ? undefined : machine.providerId,
    leaseId: machine.state === "leased" ? machine.leaseId : undefined,
    reason,
    detail,
    terminatingSince,
  };
}

/** The provider said that nothing of the machine is left. */
export function terminatedFrom(machine: MachineIn<"terminating">, terminatedAt: EpochMs): MachineIn<"terminated"> {
  return { ...machine, state: "terminated", terminatedAt };
}
