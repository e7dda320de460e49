import type { EpochMs, MachineId } from "../domain/ids.ts";
import type { Job } from "../domain/job.ts";
import type { Lease } from "../domain/lease.ts";
import { explainWaitOf } from "../planning/explainJob.ts";
import type { RecordedWait } from "../planning/explainJob.ts";
import type { Fleet } from "../pool/fleet.ts";
import type { JobWhy } from "../ports/explain.ts";

/** Leases among which the one before is looked for. */
const RECENT_LEASES = 1_000;

/** Says where the wait of a job went, or goes, and what one more idle machine would have changed. */
export async function whyOfJob(fleet: Fleet, { id: jobId, leaseId }: Job): Promise<JobWhy> {
  const lease = leaseId === undefined ? undefined : await fleet.deps.store.lease(leaseId);
  if (lease === undefined) return { jobId, waitedMs: 0, parts: {}, why: "it has not asked for a machine yet" };
  const parts = lease.waitedMs ?? fleet.waits.waitedBy(lease, fleet.deps.clock.now()) ?? {};
  const machineId = lease.state === "waiting" ? undefined : lease.machineId;
  const machine = machineId === undefined ? undefined : await fleet.deps.store.machine(machineId);
  const wait: RecordedWait = {
    ...{ createdAt: lease.createdAt, parts, usdPerHour: machine?.price?.usdPerHour },
    isOver: lease.state !== "waiting",
    before: await leaseBefore(fleet, lease),
  };
  return { jobId, parts, ...explainWaitOf(wait) };
}

async function leaseBefore(fleet: Fleet, lease: Lease): Promise<RecordedWait["before"]> {
  const recent = await fleet.deps.store.recentLeases(RECENT_LEASES);
  const place = recent.findIndex(({ id }) => id === lease.id);
  if (place < 0) return undefined;
  const before = recent.slice(place + 1).find((one) => one.poolName === lease.poolName && machineOf(one) !== undefined);
  const machineId = before === undefined ? undefined : machineOf(before);
  if (before === undefined || machineId === undefined) return undefined;
  const machineReadyAt = await readyAtOf(fleet, machineId);
  return machineReadyAt === undefined ? undefined : { createdAt: before.createdAt, machineReadyAt };
}

const machineOf = (lease: Lease): MachineId | undefined => (lease.state === "waiting" ? undefined : lease.machineId);

async function readyAtOf(fleet: Fleet, id: MachineId): Promise<EpochMs | undefined> {
  const events = await fleet.deps.store.eventsOf(id);
  return events.findLast(({ what }) => what === "machine ready")?.at;
}
