import type { EpochMs } from "../domain/ids.ts";
import type { Lease } from "../domain/lease.ts";
import type { Machine } from "../domain/machine.ts";
import { collectRows } from "./collect.ts";
import type { Trace } from "./read.ts";

/** Jobs that a manager has served, as a trace, and how long its machines took to boot. */
export interface HistoryTrace extends Trace {
  /** From the intent to launch until ready, in milliseconds, of the machines that still know it. */
  readonly bootTimesMs: readonly number[];
}

/**
 * Makes a trace of leases: a job became ready when its lease was asked for, and lasted from the hold to the end; one that is held
 * has lasted until now. A lease that never got a machine is dropped.
 * @param poolName takes the leases and machines of that pool alone.
 */
export function traceFromLeases(
  leases: readonly Lease[],
  machines: readonly Machine[],
  poolName: string,
  now: EpochMs,
): HistoryTrace {
  const rows = collectRows(0);
  for (const lease of leases) {
    if (lease.poolName !== poolName) continue;
    const heldSince = lease.state === "waiting" ? undefined : lease.heldSince;
    const endedAt = lease.state === "ended" ? lease.endedAt : now;
    if (heldSince === undefined) rows.add(undefined);
    else rows.add({ readyAt: lease.createdAt, durationMs: Math.max(0, endedAt - heldSince), count: 1, withinMs: 0 });
  }
  const bootTimesMs = machines.flatMap((machine) => {
    const readyAt = "readyAt" in machine ? machine.readyAt : undefined;
    // One that was started after a stop was ready before, and nobody knows when.
    if (machine.poolName !== poolName || readyAt === undefined || machine.startedAt !== undefined) return [];
    return [readyAt - machine.requestedAt];
  });
  return { ...rows.finish(), bootTimesMs };
}
