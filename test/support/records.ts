import { jobIdFrom, leaseIdFrom, machineIdFrom } from "../../src/domain/ids.ts";
import type { Job } from "../../src/domain/job.ts";
import type { LeaseIn } from "../../src/domain/lease.ts";
import type { MachineIn } from "../../src/domain/machine.ts";
import type { MachineKeys } from "../../src/ports/guest.ts";

/** A machine as it enters a store. */
export const newMachine = (id: string): MachineIn<"requested"> => ({
  id: machineIdFrom(id),
  poolName: "small",
  driver: "simulated",
  launchToken: `token-${id}`,
  isCordoned: false,
  state: "requested",
  requestedAt: 1000,
});

/** A lease in the queue. */
export const waitingLease = (id: string): LeaseIn<"waiting"> => ({
  id: leaseIdFrom(id),
  poolName: "small",
  holder: "test",
  priority: 0,
  createdAt: 1000,
  ttlMs: 60_000,
  waitDeadlineAt: 2000,
  state: "waiting",
  expiresAt: 61_000,
});

/** The end of a lease that never got a machine. */
export const endedLease = (id: string, endedAt = 2000): LeaseIn<"ended"> => {
  const { expiresAt: _expiresAt, ...lease } = waitingLease(id);
  return { ...lease, state: "ended", endedAt, outcome: "released" };
};

/** A job in the queue. */
export const waitingJob = (id: string): Extract<Job, { readonly state: "waiting" }> => ({
  id: jobIdFrom(id),
  name: id,
  poolName: "small",
  holder: "test",
  createdAt: 1000,
  phasesMs: {},
  state: "waiting",
});

/** A job that succeeded. */
export const endedJob = (id: string, endedAt = 2000): Extract<Job, { readonly state: "ended" }> => ({
  ...waitingJob(id),
  state: "ended",
  endedAt,
  end: { result: "success", exitCode: 0 },
});

/** Keys that open nothing. */
export const someKeys: MachineKeys = {
  host: { publicKey: "host public", privateKey: "host private" },
  client: { publicKey: "client public", privateKey: "client private" },
};
