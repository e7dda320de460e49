import type { JobId, LeaseId, MachineId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import type { Lease } from "../../domain/lease.ts";
import type { Machine } from "../../domain/machine.ts";
import type { Change } from "../../ports/store.ts";
import type { FaultKind } from "../faults/kinds.ts";
import type { ProviderInstance } from "../provider.ts";
import type { LiveJob } from "./job.ts";

/** What really befell a machine, whatever the manager believes. Instants in milliseconds since the day's start. */
export interface MachineTruth {
  readonly id: MachineId;
  /** As last stored; undefined when the store never knew it. */
  record: Machine | undefined;
  /** When the manager asked for its intent to be stored, however long that took. */
  addedAtMs: number;
  /** When the manager last asked for the intent to start it to be stored. */
  startAskedAtMs: number;
  /** Number of the process that wrote the intent. */
  addedBy: number;
  readonly instances: ProviderInstance[];
  /** All machines of the call that it was launched by, if that was one for several. */
  launchedWith: readonly MachineId[];
  /** Faults that struck this machine, and when last. */
  readonly touches: Map<FaultKind, number>;
  /** Names of the jobs whose work ran on it. */
  readonly workers: Set<string>;
  isEndedByOperator: boolean;
  /** Its dead-man's switch fired. */
  isPoweredOff: boolean;
  /** How long, with nothing in the way, an instance of it has been there though it is to end, or without a live record. */
  strayMs: number;
}

/** What really befell a lease. */
export interface LeaseTruth {
  readonly id: LeaseId;
  record: Lease;
  /** When its holder was last heard of. */
  lastSignMs: number;
  /** When it got its machine. */
  heldAtMs: number;
  /** Its holder asked for its end. */
  isReleaseAsked: boolean;
  job: LiveJob | undefined;
  /** How long, with nothing in the way, it has outlived its dead holder. */
  orphanedMs: number;
}

/** What really is. */
export interface Truth {
  readonly machines: Map<MachineId, MachineTruth>;
  readonly leases: Map<LeaseId, LeaseTruth>;
  readonly liveMachines: Map<MachineId, Machine>;
  readonly openLeases: Map<LeaseId, Lease>;
  readonly jobs: Map<JobId, Job>;
  machine(id: MachineId): MachineTruth;
  /** Which of the machines of one call its next instance may be: one that has none. */
  nextOf(ids: readonly MachineId[]): MachineId;
  /** Takes over what was stored, since the manager asked for it at `askedAtMs`. */
  keep(changes: readonly Change[], processNumber: number, askedAtMs: number): void;
}

/** Knows nothing yet. */
export function createTruth(passedMs: () => number): Truth {
  const machines = new Map<MachineId, MachineTruth>();
  const leases = new Map<LeaseId, LeaseTruth>();
  const liveMachines = new Map<MachineId, Machine>();
  const openLeases = new Map<LeaseId, Lease>();
  const jobs = new Map<JobId, Job>();

  const machine = (id: MachineId): MachineTruth => {
    const known = machines.get(id);
    if (known !== undefined) return known;
    const fresh: MachineTruth = {
      ...{
        id,
        record: undefined,
        addedAtMs: passedMs(),
        startAskedAtMs: 0,
        addedBy: 0,
        instances: [],
        launchedWith: [],
        touches: new Map(),
      },
      ...{ workers: new Set<string>(), isEndedByOperator: false, isPoweredOff: false, strayMs: 0 },
    };
    machines.set(id, fresh);
    return fresh;
  };
  /** Any instance of a call for several is any of its machines, until the store says which. */
  const giveOut = (known: MachineTruth, providerId: string, ids: Iterable<MachineId>): void => {
    for (const other of [...ids].map(machine)) {
      const instance = other.instances.find((one) => one.providerId === providerId);
      if (instance === undefined || other === known) continue;
      const given = known.instances.filter((one) => one.token === instance.token);
      move([instance], other, known);
      move(given, known, other);
      const touches = [...known.touches, ...other.touches];
      for (const [kind, atMs] of touches) for (const one of [known, other]) one.touches.set(kind, atMs);
    }
  };
  const keepLease = (lease: Lease): void => {
    const known = leases.get(lease.id);
    if (known === undefined) {
      const { id } = lease;
      const nowMs = passedMs();
      const fresh = {
        id,
        record: lease,
        lastSignMs: nowMs,
        heldAtMs: nowMs,
        isReleaseAsked: false,
        job: undefined,
        orphanedMs: 0,
      };
      leases.set(id, fresh);
    } else {
      if (known.record.state === "waiting" && lease.state === "held")
        Object.assign(known, { lastSignMs: passedMs(), heldAtMs: passedMs() });
      known.record = lease;
    }
    if (lease.state === "ended") openLeases.delete(lease.id);
    else openLeases.set(lease.id, lease);
  };

  return {
    ...{ machines, leases, liveMachines, openLeases, jobs, machine },
    nextOf: (ids) => ids.find((id) => machine(id).instances.length === 0) ?? (ids[0] as MachineId),
    keep(changes, processNumber, askedAtMs) {
      for (const change of changes) {
        if (change.kind === "lease") keepLease(change.lease);
        if (change.kind === "job") jobs.set(change.job.id, change.job);
        if (change.kind !== "machine-added" && change.kind !== "machine-moved") continue;
        const known = machine(change.machine.id);
        if (change.kind === "machine-added") Object.assign(known, { addedAtMs: askedAtMs, addedBy: processNumber });
        if (change.machine.state === "starting") known.startAskedAtMs = askedAtMs;
        if (change.machine.launchedWith !== undefined) known.launchedWith = change.machine.launchedWith;
        if ("providerId" in change.machine && change.machine.providerId !== undefined)
          giveOut(known, change.machine.providerId, known.launchedWith);
        known.record = change.machine;
        if (change.machine.state === "terminated") liveMachines.delete(change.machine.id);
        else liveMachines.set(change.machine.id, change.machine);
      }
    },
  };
}

function move(instances: readonly ProviderInstance[], from: MachineTruth, to: MachineTruth): void {
  for (const instance of instances) {
    from.instances.splice(from.instances.indexOf(instance), 1);
    to.instances.push(instance);
    instance.machineId = to.id;
  }
}

/** Whether an instance runs or will, or was stopped by a call and may run again. */
export const isAlive = (instance: ProviderInstance): boolean => instance.goneAt === undefined && !instance.hasStopped;
