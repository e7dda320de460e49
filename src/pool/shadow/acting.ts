import type { EpochMs, LeaseId } from "../../domain/ids.ts";
import type { Lease } from "../../domain/lease.ts";
import type { LiveMachine, Machine } from "../../domain/machine.ts";
import { countServed, emptyTally, TIME_CLASSES, timeClassOf } from "../../planning/shadow/tally.ts";
import type { Tally, TimeClass } from "../../planning/shadow/tally.ts";
import type { Heard } from "./heard.ts";

/** What the pool itself does meanwhile, in the same figures as its shadow's. Plain data. */
export interface Acting {
  at: EpochMs;
  /** Machines by where their time goes. */
  counts: Record<TimeClass, number>;
  tally: Tally;
}

/** Begins to count with the machines that are there. */
export function createActing(machines: readonly LiveMachine[], at: EpochMs): Acting {
  const counts: Record<TimeClass, number> = { idleMs: 0, bootingMs: 0, busyMs: 0, stoppedMs: 0 };
  for (const { state } of machines) {
    const timeClass = timeClassOf(state);
    if (timeClass !== undefined) counts[timeClass] += 1;
  }
  return { at, counts, tally: emptyTally() };
}

/** Lets time go by. */
export function passActing(acting: Acting, to: EpochMs): void {
  const passedMs = Math.max(0, to - acting.at);
  for (const timeClass of TIME_CLASSES) acting.tally[timeClass] += acting.counts[timeClass] * passedMs;
  acting.at = Math.max(acting.at, to);
}

/** Takes in what was heard. @param aimMs how long one may wait that is in time */
export function countActing(acting: Acting, heard: Heard, aimMs: number): void {
  passActing(acting, heard.at);
  const { counts, tally } = acting;
  if (heard.what === "job") tally.jobs += 1;
  if (heard.what === "served") countServed(tally, heard.waitMs, aimMs);
  if (heard.what !== "machine") return;
  const { from, to } = heard;
  if (from === undefined) tally.launches += 1;
  if (to === "terminating" && from !== "leased") tally.unused += 1;
  const [before, after] = [from === undefined ? undefined : timeClassOf(from), timeClassOf(to)];
  if (before !== undefined) counts[before] -= 1;
  if (after !== undefined) counts[after] += 1;
}

/**
 * Reads up what a pool's machines did while no manager counted, and goes on with those that are there. A machine of which it is
 * not kept when it was ready is taken to have booted for `bootMs`.
 */
export function catchUpActing(
  acting: Acting,
  machines: readonly Machine[],
  leases: readonly Lease[],
  bootMs: number,
  now: EpochMs,
): void {
  const heldSince = new Map<LeaseId, EpochMs | undefined>(
    leases.map((lease) => [lease.id, lease.state === "waiting" ? undefined : lease.heldSince]),
  );
  const from = acting.at;
  for (const machine of machines) {
    const { tally } = acting;
    if (machine.requestedAt > from) tally.launches += 1;
    const end = "terminatingSince" in machine ? machine.terminatingSince : now;
    if (end <= from) continue;
    const leaseId = "leaseId" in machine ? machine.leaseId : undefined;
    if ("terminatingSince" in machine && leaseId === undefined) tally.unused += 1;
    const leasedAt = "leasedAt" in machine ? machine.leasedAt : leaseId && heldSince.get(leaseId);
    for (const [timeClass, since, until] of livesOf(machine, bootMs, end, leasedAt))
      tally[timeClass] += Math.max(0, Math.min(until, end) - Math.max(from, since));
  }
  const live = machines.filter((machine): machine is LiveMachine => machine.state !== "terminated");
  acting.counts = createActing(live, now).counts;
  acting.at = now;
}

type Life = readonly [timeClass: TimeClass, since: EpochMs, until: EpochMs];

/** How a machine spent its time. Of one that was stopped, it is not kept when it was ready before: it is taken to have been stopped at once. */
function livesOf(machine: Machine, bootMs: number, end: EpochMs, leasedAt: EpochMs | undefined): Life[] {
  const { requestedAt, startedAt, state } = machine;
  const firstReadyAt = requestedAt + bootMs;
  const stoppedSince = stoppedSinceOf(machine);
  if (stoppedSince !== undefined) {
    const readyAt = Math.min(firstReadyAt, stoppedSince);
    return [
      ["bootingMs", requestedAt, readyAt],
      [startedAt === undefined ? "idleMs" : "stoppedMs", readyAt, stoppedSince],
      ["stoppedMs", stoppedSince, end],
    ];
  }
  const before: Life[] =
    startedAt === undefined
      ? []
      : [
          ["bootingMs", requestedAt, Math.min(firstReadyAt, startedAt)],
          ["stoppedMs", Math.min(firstReadyAt, startedAt), startedAt],
        ];
  const since = startedAt ?? requestedAt;
  const idleEnd = Math.min(end, leasedAt ?? end);
  const isUnready = state === "requested" || state === "booting" || state === "starting";
  const knownReadyAt = "readyAt" in machine ? machine.readyAt : undefined;
  const bootEnd = Math.min(idleEnd, isUnready ? end : (knownReadyAt ?? since + bootMs));
  return [...before, ["bootingMs", since, bootEnd], ["idleMs", bootEnd, idleEnd], ["busyMs", idleEnd, end]];
}

function stoppedSinceOf(machine: Machine): EpochMs | undefined {
  if (machine.state === "stopping") return machine.stoppingSince;
  return "stoppedSince" in machine ? machine.stoppedSince : undefined;
}
