import type { EpochMs, LeaseId } from "../../domain/ids.ts";
import type { Lease } from "../../domain/lease.ts";
import type { MachineState } from "../../domain/machine.ts";
import type { Change } from "../../ports/store.ts";
import type { Before } from "../state/state.ts";

/** What the shadows of a pool hear of it. */
export type Heard =
  | {
      readonly what: "job";
      readonly at: EpochMs;
      readonly id: LeaseId;
      readonly priority: number;
      readonly readyAt: EpochMs;
      readonly announcedAt?: EpochMs | undefined;
    }
  | { readonly what: "served"; readonly at: EpochMs; readonly id: LeaseId; readonly waitMs: number }
  | { readonly what: "ended"; readonly at: EpochMs; readonly id: LeaseId; readonly ranMs?: number | undefined }
  /** A machine of the pool itself came to another state; `from` is absent for one that is new. */
  | {
      readonly what: "machine";
      readonly at: EpochMs;
      readonly from?: MachineState | undefined;
      readonly to: MachineState;
    };

/** Tells what a committed change means to shadows; undefined for nothing. */
export function heardFrom(
  change: Change,
  before: Before,
  announcedAt: EpochMs | undefined,
  at: EpochMs,
): { readonly poolName: string; readonly heard: readonly Heard[] } | undefined {
  switch (change.kind) {
    case "lease": {
      const { lease } = change;
      const heard = [...arrivalOf(lease, before.lease, announcedAt, at), ...progressOf(lease, before.lease, at)];
      return heard.length === 0 ? undefined : { poolName: lease.poolName, heard };
    }
    case "machine-added":
      return { poolName: change.machine.poolName, heard: [{ what: "machine", at, to: change.machine.state }] };
    case "machine-moved": {
      const { machine, from } = change;
      if (machine.state === from) return undefined;
      return { poolName: machine.poolName, heard: [{ what: "machine", at, from, to: machine.state }] };
    }
    case "job":
    case "pool-mode":
    case "pool-memory":
    case "level-decided":
    case "shadow-recorded":
    case "shadow-memory":
    case "event":
      return undefined;
  }
}

function arrivalOf(lease: Lease, before: Before["lease"], announcedAt: EpochMs | undefined, at: EpochMs): Heard[] {
  if (before !== undefined || lease.state === "ended") return [];
  const { id, priority, createdAt } = lease;
  return [{ what: "job", at, id, priority, readyAt: Math.min(createdAt, at), announcedAt }];
}

function progressOf(lease: Lease, before: Before["lease"], at: EpochMs): Heard[] {
  const { id, createdAt } = lease;
  if (lease.state === "held" && before?.state !== "held")
    return [{ what: "served", at, id, waitMs: Math.max(0, lease.heldSince - createdAt) }];
  return lease.state === "ended" ? [{ what: "ended", at, id, ranMs: ranMsOf(lease) }] : [];
}

const ranMsOf = (lease: Extract<Lease, { state: "ended" }>): number | undefined =>
  lease.heldSince === undefined ? undefined : Math.max(0, lease.endedAt - lease.heldSince);

/** Tells, oldest first, which jobs came, were served and ended after an instant by their records: a manager that was away reads it up. */
export function heardSince(after: EpochMs, leases: readonly Lease[]): Heard[] {
  const heard = leases.flatMap(heardOfLease).filter(({ at }) => at > after);
  return heard.sort((a, b) => a.at - b.at || ORDER[a.what] - ORDER[b.what]);
}

/** What stands first is not undone by what comes at the same moment. */
const ORDER = { job: 0, served: 1, ended: 2, machine: 3 } as const satisfies Record<Heard["what"], number>;

function heardOfLease(lease: Lease): Heard[] {
  const { id, priority, createdAt } = lease;
  const heard: Heard[] = [{ what: "job", at: createdAt, id, priority, readyAt: createdAt }];
  if (lease.state === "waiting") return heard;
  const { heldSince } = lease;
  if (heldSince !== undefined)
    heard.push({ what: "served", at: heldSince, id, waitMs: Math.max(0, heldSince - createdAt) });
  if (lease.state === "ended") heard.push({ what: "ended", at: lease.endedAt, id, ranMs: ranMsOf(lease) });
  return heard;
}
