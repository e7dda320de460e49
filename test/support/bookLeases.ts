import { ConflictError } from "../../src/domain/errors.ts";
import type { LeaseId, MachineId } from "../../src/domain/ids.ts";
import { leaseIdFrom, machineIdFrom } from "../../src/domain/ids.ts";
import type { Lease } from "../../src/domain/lease.ts";
import type { HeldMachine, Leases } from "../../src/ports/leases.ts";
import type { Store } from "../../src/ports/store.ts";

/** Leases of machines that are always there, kept in a store as the pool keeps them: every lease gets a machine of its own. */
export function createBookLeases(
  store: Pick<Store, "commit" | "lease">,
  machineOf: (leaseId: LeaseId, machineId: MachineId) => HeldMachine,
  newNumber: () => number,
): Leases {
  const open = async (id: LeaseId): Promise<Exclude<Lease, { readonly state: "ended" }>> => {
    const lease = await store.lease(id);
    if (lease === undefined || lease.state === "ended") throw new ConflictError("lease-ended", `lease ${id} has ended`);
    return lease;
  };
  return {
    async request({ poolName, holder, jobId }) {
      const number = newNumber();
      const lease: Lease = {
        ...{ id: leaseIdFrom(`lease-${number}`), poolName, holder, priority: 0, jobId, createdAt: 0, ttlMs: 60_000 },
        ...{ waitDeadlineAt: 3_600_000, expiresAt: 60_000 },
        ...{ state: "held", machineId: machineIdFrom(`machine-${number}`), heldSince: 0 },
      };
      await store.commit([{ kind: "lease", lease }]);
      return lease;
    },
    async waitUntilHeld(id) {
      const lease = await open(id);
      if (lease.state !== "held") throw new Error("every lease has its machine");
      return machineOf(id, lease.machineId);
    },
    renew: open,
    async release(id, outcome) {
      const lease = await store.lease(id);
      if (lease === undefined || lease.state === "ended") return;
      const { expiresAt: _expiresAt, ...rest } = lease;
      await store.commit([{ kind: "lease", lease: { ...rest, state: "ended", endedAt: 1, outcome } }]);
    },
    waitUntilGone: async () => undefined,
  };
}
