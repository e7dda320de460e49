import type { EpochMs, JobId, LeaseId, MachineId } from "../domain/ids.ts";
import type { Lease, LeaseOutcome } from "../domain/lease.ts";
import type { GuestSettings } from "../domain/pool.ts";
import type { ReadyGuest } from "./guest.ts";

export interface LeaseRequest {
  readonly poolName: string;
  readonly holder: string;
  readonly priority?: number | undefined;
  readonly jobId?: JobId | undefined;
  /** Renew within this, ≥ 1,000. @default 60,000 */
  readonly ttlMs?: number | undefined;
  /** Longest wait for a machine. @default 3,600,000 */
  readonly waitTimeoutMs?: number | undefined;
  /** Since when its holder has been in the queue already, under a lease that was lost to no fault of its own: it keeps its place, also in a pool that takes nobody new. @default now */
  readonly queuedSince?: EpochMs | undefined;
}

/** A machine in the hands of its one holder. */
export interface HeldMachine extends ReadyGuest {
  readonly leaseId: LeaseId;
  readonly machineId: MachineId;
  readonly guestSettings: GuestSettings;
  /** Aborts with MachineLostError once the machine is lost, or with another reason when it is taken away (operator, shutdown). */
  readonly lost: AbortSignal;
}

/** The queue and the leases: how a front door comes to a machine. */
export interface Leases {
  /**
   * Joins the queue. @throws ConfigError for an unknown pool, ConflictError when the pool is cordoned.
   * @param key made by whoever asks, so that a request whose answer was lost can be sent again: it answers the lease of
   * the first time. @throws ConflictError `request-key-reused` when that was another request.
   */
  request(request: LeaseRequest, key?: string): Promise<Lease>;
  /**
   * Waits until the lease is held.
   * @param onWait told in one sentence why it still waits, whenever that changes.
   * @throws CapacityError `wait-timeout` with the reason at its deadline; ConflictError when the lease ended otherwise.
   */
  waitUntilHeld(leaseId: LeaseId, onWait: (why: string) => void, signal: AbortSignal): Promise<HeldMachine>;
  renew(leaseId: LeaseId): Promise<Lease>;
  /** Ends the lease and with it the machine. Ended already is success. */
  release(leaseId: LeaseId, outcome: LeaseOutcome, detail: string): Promise<void>;
  /** Resolves when nothing is left of the lease's machine; at once when it never had one. */
  waitUntilGone(leaseId: LeaseId, signal: AbortSignal): Promise<void>;
}
