import type { EpochMs, JobId, LeaseId, MachineId } from "./ids.ts";

/** How a lease came to its end. */
export type LeaseOutcome =
  | "released"
  | "lapsed"
  | "cancelled"
  | "wait-timeout"
  | "machine-lost"
  | "pool-removed"
  | "shutdown";

/**
 * What a waiting lease waits for: a launch that is next, a machine that boots, or the limit that holds launches back.
 * `earlier` is the time before this manager, or this try of its job, began to count.
 */
export type WaitCause =
  | "no-idle-machine"
  | "boot"
  | "growth-limit"
  | "max-machines"
  | "max-machines-overall"
  | "no-capacity"
  | "budget"
  | "store"
  | "pool-closed"
  | "earlier";

/** Where a wait went, in milliseconds by cause. */
export type WaitedMs = { readonly [Cause in WaitCause]?: number };

interface LeaseBase {
  readonly id: LeaseId;
  readonly poolName: string;
  /** Who asked, for people: `ci`, `run`, `docker-machine`, … */
  readonly holder: string;
  /** The higher goes first; equal ones in order of arrival. @default 0 */
  readonly priority: number;
  readonly jobId?: JobId | undefined;
  readonly createdAt: EpochMs;
  /** The holder must renew within this time, in milliseconds. */
  readonly ttlMs: number;
  /** When waiting for a machine is given up. */
  readonly waitDeadlineAt: EpochMs;
  /** Of a request that carried a key: tells it, sent again, from another one. */
  readonly requestDigest?: string | undefined;
  /** Where its wait went, from its end on; absent when it got a machine at once. Leases of older managers lack it. */
  readonly waitedMs?: WaitedMs | undefined;
}

/** One job's exclusive, expiring hold on one machine: waiting in the queue, held, or ended. */
export type Lease = LeaseBase &
  (
    | { readonly state: "waiting"; readonly expiresAt: EpochMs }
    | {
        readonly state: "held";
        readonly machineId: MachineId;
        readonly heldSince: EpochMs;
        readonly expiresAt: EpochMs;
      }
    | {
        readonly state: "ended";
        readonly machineId?: MachineId | undefined;
        readonly heldSince?: EpochMs | undefined;
        readonly endedAt: EpochMs;
        readonly outcome: LeaseOutcome;
      }
  );

export type LeaseState = Lease["state"];
export type LeaseIn<S extends LeaseState> = Extract<Lease, { readonly state: S }>;
