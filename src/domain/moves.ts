import type { MachinePrice } from "./cost.ts";
import type { EpochMs, LeaseId } from "./ids.ts";
import type { Address, LiveMachine, MachineIn, MachineOrigin, RetireReason } from "./machine.ts";

/** The provider accepted the launch. */
export function bootingFrom(
  machine: MachineIn<"requested">,
  providerId: string,
  launchedAt: EpochMs,
  price?: MachinePrice,
  origin?: MachineOrigin,
): MachineIn<"booting"> {
  return { ...machine, state: "booting", providerId, launchedAt, price, origin };
}

/** The probes passed, after a launch or after a start. */
export function idleFrom(
  machine: MachineIn<"booting"> | MachineIn<"starting">,
  address: Address,
  readyAt: EpochMs,
  runningSince?: EpochMs,
): MachineIn<"idle"> {
  const ready = { state: "idle", address, readyAt, idleSince: readyAt, runningSince } as const;
  if (machine.state === "booting") return { ...machine, ...ready };
  const { startingSince: _startingSince, ...rest } = machine;
  return { ...rest, ...ready };
}

/** The machine is to be stopped. @param spentUsd what it has cost by now */
export function stoppingFrom(
  machine: MachineIn<"idle">,
  stoppingSince: EpochMs,
  spentUsd?: number,
): MachineIn<"stopping"> {
  const { idleSince: _idleSince, readyAt: _readyAt, address: _address, ...rest } = machine;
  return { ...rest, state: "stopping", stoppingSince, spentUsd };
}

/** The provider shows it as stopped. @param spentUsd what it has cost by now */
export function stoppedFrom(
  machine: MachineIn<"stopping">,
  stoppedSince: EpochMs,
  spentUsd?: number,
): MachineIn<"stopped"> {
  const { stoppingSince: _stoppingSince, runningSince: _runningSince, ...rest } = machine;
  return { ...rest, state: "stopped", stoppedSince, spentUsd };
}

/** The stopped machine is to run again. @param spentUsd what it has cost by now */
export function startingFrom(
  machine: MachineIn<"stopped">,
  startingSince: EpochMs,
  spentUsd?: number,
): MachineIn<"starting"> {
  const { stoppedSince: _stoppedSince, ...rest } = machine;
  return { ...rest, state: "starting", startingSince, startedAt: startingSince, spentUsd };
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
  const { id, poolName, driver, launchToken, requestedAt, isCordoned, price, origin, startedAt, spentUsd } = machine;
  return {
    ...{ id, poolName, driver, launchToken, requestedAt, isCordoned, price, origin, startedAt, spentUsd },
    state: "terminating",
    providerId: machine.state === "requested" ? undefined : machine.providerId,
    launchedAt: machine.state === "requested" ? undefined : machine.launchedAt,
    readyAt: "readyAt" in machine ? machine.readyAt : undefined,
    runningSince: "runningSince" in machine ? machine.runningSince : undefined,
    stoppedSince: stoppedSinceOf(machine),
    leaseId: machine.state === "leased" ? machine.leaseId : undefined,
    reason,
    detail,
    terminatingSince,
  };
}

function stoppedSinceOf(machine: LiveMachine): EpochMs | undefined {
  if (machine.state === "stopping") return machine.stoppingSince;
  return machine.state === "stopped" ? machine.stoppedSince : undefined;
}

/** The provider said that nothing of the machine is left. */
export function terminatedFrom(
  machine: MachineIn<"terminating">,
  terminatedAt: EpochMs,
  costUsd?: number,
): MachineIn<"terminated"> {
  return { ...machine, state: "terminated", terminatedAt, costUsd };
}
