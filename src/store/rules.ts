import { ConflictError } from "../domain/errors.ts";
import type { Job } from "../domain/job.ts";
import type { Lease } from "../domain/lease.ts";
import { canMove } from "../domain/machine.ts";
import type { Machine, MachineState } from "../domain/machine.ts";

/** Refuses a new machine whose id is taken or that starts anywhere but in `requested`. @throws ConflictError */
export function checkAdded(stored: Machine | undefined, added: Machine): void {
  if (stored !== undefined) {
    throw new ConflictError(
      "machine-exists",
      `Expected machine ${added.id} to be new, it is stored as ${stored.state}`,
    );
  }
  if (added.state !== "requested") {
    throw new ConflictError("illegal-move", `Expected new machine ${added.id} to be requested, got ${added.state}`);
  }
}

/**
 * Refuses a machine's next record when the stored state is not `from`, when the move is not legal, or when it rewrites
 * what never changes: the lease of a leased machine and the reason of a terminating one. A record may keep its state
 * (cordoning, a fact learned later) unless that is `terminated`. @throws ConflictError
 */
export function checkMoved(stored: Machine | undefined, moved: Machine, from: MachineState): void {
  if (stored?.state !== from) {
    const found = stored === undefined ? "it is not stored" : `it is ${stored.state}`;
    throw new ConflictError("machine-changed", `Expected machine ${moved.id} to be ${from}, ${found}`);
  }
  if (moved.state !== from ? !canMove(from, moved.state) : from === "terminated") {
    throw new ConflictError(
      "illegal-move",
      `Expected a legal move of machine ${moved.id}, got ${from} to ${moved.state}`,
    );
  }
  if (stored.state === "leased" && moved.state === "leased" && stored.leaseId !== moved.leaseId) {
    const text = `Expected machine ${moved.id} to stay with lease ${stored.leaseId}, got ${moved.leaseId}`;
    throw new ConflictError("illegal-move", text);
  }
  if (stored.state === "terminating" && "reason" in moved && stored.reason !== moved.reason) {
    const text = `Expected machine ${moved.id} to keep its first reason ${stored.reason}, got ${moved.reason}`;
    throw new ConflictError("illegal-move", text);
  }
}

/** Refuses to reopen a lease that has ended. @throws ConflictError */
export function checkLease(stored: Lease | undefined, lease: Lease): void {
  if (stored?.state === "ended" && lease.state !== "ended") {
    throw new ConflictError("lease-ended", `Expected lease ${lease.id} to stay ended, got ${lease.state}`);
  }
}

/** Refuses to reopen a job that has ended. @throws ConflictError */
export function checkJob(stored: Job | undefined, job: Job): void {
  if (stored?.state === "ended" && job.state !== "ended") {
    throw new ConflictError("job-ended", `Expected job ${job.id} to stay ended, got ${job.state}`);
  }
}
