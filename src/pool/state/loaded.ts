import type { EpochMs } from "../../domain/ids.ts";
import type { Lease } from "../../domain/lease.ts";
import type { Machine } from "../../domain/machine.ts";

const STAMPS = [
  "requestedAt",
  "launchedAt",
  "readyAt",
  "idleSince",
  "stoppingSince",
  "stoppedSince",
  "startingSince",
  "startedAt",
  "leasedAt",
  "terminatingSince",
] as const satisfies readonly string[];

/** Takes a stored machine's stamps of the future as `now`: the clock was set back in between. */
export function machineAsLoaded(machine: Machine, now: EpochMs): Machine {
  const late = STAMPS.filter((name) => stampOf(machine, name) > now);
  return late.length === 0 ? machine : { ...machine, ...Object.fromEntries(late.map((name) => [name, now])) };
}

const stampOf = (machine: Machine, name: (typeof STAMPS)[number]): EpochMs =>
  (machine as Partial<Record<typeof name, EpochMs>>)[name] ?? 0;

/** Gives a stored open lease a whole time to live anew: its holder could not renew it while there was no manager. */
export function leaseAsLoaded(lease: Lease, now: EpochMs): Lease {
  if (lease.state === "ended") return lease;
  const createdAt = Math.min(lease.createdAt, now);
  const waitDeadlineAt = Math.min(lease.waitDeadlineAt, now + lease.waitDeadlineAt - lease.createdAt);
  const renewed = { ...lease, createdAt, waitDeadlineAt, expiresAt: now + lease.ttlMs };
  return renewed.state === "held" ? { ...renewed, heldSince: Math.min(renewed.heldSince, now) } : renewed;
}
