import type { EpochMs, LeaseId } from "../../domain/ids.ts";
import type { LeaseIn, WaitCause, WaitedMs } from "../../domain/lease.ts";

/** Stretches kept of a queue that never empties; what came before them counts as the oldest does. */
const MAX_STRETCHES = 2_000;

/** A stretch of time in which a pool's queue waited for the same. */
interface Stretch {
  readonly at: EpochMs;
  /** Machines on their way: so many of the queue, from its head, wait for a boot. */
  readonly inFlight: number;
  /** What the others wait for. */
  readonly cause: WaitCause;
  /** Leases that had left the queue by then. */
  readonly left: number;
}

interface Queue {
  stretches: Stretch[];
  left: number;
  readonly waiting: Map<LeaseId, { readonly at: EpochMs; readonly createdAt: EpochMs; readonly place: number }>;
}

/** Where the waits of queued leases go. In memory alone: what comes of it is stored with the lease's own next record. */
export interface WaitBook {
  /** A lease joins the queue behind `ahead` others. */
  begin(lease: LeaseIn<"waiting">, ahead: number, now: EpochMs): void;
  /** A pass found a queue to wait for this. */
  note(poolName: string, inFlight: number, cause: WaitCause, now: EpochMs): void;
  /** A lease left the queue, with a machine or without. */
  end(lease: { readonly id: LeaseId; readonly poolName: string }): void;
  /** Where the wait of a lease went until now; undefined for one that is not in the queue. */
  waitedBy(lease: { readonly id: LeaseId; readonly poolName: string }, now: EpochMs): WaitedMs | undefined;
}

/** Creates an empty book. */
export function createWaitBook(): WaitBook {
  const queues = new Map<string, Queue>();
  const queueOf = (poolName: string): Queue => {
    const known = queues.get(poolName) ?? { stretches: [], left: 0, waiting: new Map() };
    queues.set(poolName, known);
    return known;
  };

  return {
    begin({ id, poolName, createdAt }, ahead, now) {
      const queue = queueOf(poolName);
      queue.waiting.set(id, { at: now, createdAt: Math.min(createdAt, now), place: queue.left + ahead });
    },
    note(poolName, inFlight, cause, now) {
      const queue = queueOf(poolName);
      const last = queue.stretches.at(-1);
      if (queue.waiting.size === 0) queue.stretches = [];
      else if (last?.inFlight !== inFlight || last.cause !== cause || last.left !== queue.left) {
        if (queue.stretches.length >= MAX_STRETCHES) queue.stretches.splice(0, MAX_STRETCHES / 2);
        queue.stretches.push({ at: now, inFlight, cause, left: queue.left });
      }
    },
    end({ id, poolName }) {
      const queue = queueOf(poolName);
      if (queue.waiting.delete(id)) queue.left += 1;
    },
    waitedBy({ id, poolName }, now) {
      const { stretches, waiting } = queueOf(poolName);
      const wait = waiting.get(id);
      if (wait === undefined) return undefined;
      const waited: { [Cause in WaitCause]?: number } = {};
      const add = (cause: WaitCause, ms: number): void => {
        if (ms > 0) waited[cause] = (waited[cause] ?? 0) + ms;
      };
      add("earlier", wait.at - wait.createdAt);
      // Before the first pass looked at it, a machine for it was the next thing to be ordered.
      add("no-idle-machine", Math.min(now, stretches[0]?.at ?? now) - wait.at);
      for (const [index, { at, inFlight, cause, left }] of stretches.entries()) {
        const until = Math.min(now, stretches[index + 1]?.at ?? now);
        add(wait.place - left < inFlight ? "boot" : cause, until - Math.max(at, wait.at));
      }
      return waited;
    },
  };
}
