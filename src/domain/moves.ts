import type { MachinePrice } from "./cost.ts";
import type { EpochMs, LeaseId } from "./ids.ts";
import type { Address, LiveMachine, MachineIn, RetireReason } from "./machine.ts";

/** The provider accepted the launch. */
export function bootingFrom(
  machine: MachineIn<"requested">,
  providerId: string,
  launchedAt: EpochMs,
  price?: MachinePrice,
): MachineIn<"booting"> {
  return { ...machine, state: "booting", providerId, launchedAt, price };
}

/** The probes passed. */
export function idleFrom(
  machine: MachineIn<"booting">,
  address: Address,
  readyAt: EpochMs,
  runningSince?: EpochMs,
): MachineIn<"idle"> {
  return { ...machine, state: "idle", address, readyAt, idleSince: readyAt, runningSince };
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
  const { id, poolName, driver, launchToken, requestedAt, isCordoned, price } = machine;
  return {
    ...{ id, poolName, driver, launchToken, requestedAt, isCordoned, price },
    state: "terminating",
    providerId: machine.state === "requested" ? undefined : machine.providerId,
    launchedAt: machine.state === "requested" ? undefined : machine.launchedAt,
    runningSince: "runningSince" in machine ? machine.runningSince : undefined,
    leaseId: machine.state === "leased" ? machine.leaseId : undefined,
    reason,
    detail,
    terminatingSince,
  };
}

/** The provider said that nothing of the machine is left. */
export function terminatedFrom(
  machine: MachineIn<"terminating">,
  terminatedAt: EpochMs,
  costUsd?: number,
): MachineIn<"terminated"> {
  return { ...machine, state: "terminated", terminatedAt, costUsd };
}
