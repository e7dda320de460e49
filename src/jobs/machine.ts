import { ConflictError } from "../domain/errors.ts";
import type { Lease } from "../domain/lease.ts";
import type { HeldMachine } from "../ports/leases.ts";
import type { JobLife, JobLifeDeps, LifeContext } from "./lifeContext.ts";
import { keepRenewed } from "./renew.ts";
import { whenThereIsRoom } from "./room.ts";
import { orAborted } from "./waits.ts";

/** Waits, under the lease that the job has or asks for, until it has a machine that no job has touched. */
export async function newMachine({ life, deps, notes, over }: LifeContext): Promise<HeldMachine> {
  const { record, cancel, force, turnAway, handOver } = life;
  const giveUp = AbortSignal.any([cancel, force, turnAway, handOver]);
  giveUp.throwIfAborted();
  const lease = await openLease(life, deps, giveUp);
  void keepRenewed(lease, deps, over);
  const onWait = (why: string): void => {
    record.happened("job kept waiting", why);
    notes.line(`Waiting for a machine: ${why}`).catch(() => undefined);
  };
  return orAborted(deps.leases.waitUntilHeld(lease.id, onWait, giveUp), giveUp);
}

async function openLease(
  { spec, record, isResumed }: JobLife,
  { leases, clock }: JobLifeDeps,
  signal: AbortSignal,
): Promise<Lease> {
  const { id, leaseId, createdAt } = record.job;
  if (leaseId !== undefined) {
    return leases.renew(leaseId);
  }
  const { poolName, holder, waitTimeoutMs } = spec;
  const queuedSince = isResumed ? createdAt : undefined;
  const lease = await whenThereIsRoom(clock, signal, () =>
    leases.request({ poolName, holder, jobId: id, waitTimeoutMs, queuedSince }),
  );
  if (lease.state === "held") record.leased(lease.id);
  else await record.lease(lease.id, signal);
  return lease;
}

/** Waits for the machine that the job runs on. Whoever cancels the job meanwhile has its script stopped there. */
export async function resumedMachine({ life, deps, over }: LifeContext): Promise<HeldMachine> {
  const { leaseId } = life.record.job;
  if (leaseId === undefined) {
    throw new ConflictError("no-lease", "the job had no lease");
  }
  const signal = AbortSignal.any([life.force, life.handOver]);
  const lease = await deps.leases.renew(leaseId);
  void keepRenewed(lease, deps, over);
  return orAborted(
    deps.leases.waitUntilHeld(leaseId, () => undefined, signal),
    signal,
  );
}

/** Gives back a machine that was being prepared for the job, and puts the job into the queue again, where it was. */
export async function giveBack({ life, deps }: LifeContext): Promise<void> {
  const { record, cancel, force, handOver } = life;
  const { leaseId, machineId } = record.job;
  const why = "the manager was restarted before the job's script had begun";
  const signal = AbortSignal.any([cancel, force, handOver]);
  signal.throwIfAborted();
  if (leaseId !== undefined) {
    await whenThereIsRoom(deps.clock, signal, () => deps.leases.release(leaseId, "released", why));
  }
  await record.requeue(machineId === undefined ? why : `${why}; ${machineId} is given back`, signal);
}
