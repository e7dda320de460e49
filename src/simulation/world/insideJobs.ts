import { CapacityError, ConfigError, ConflictError, MachineLostError } from "../../domain/errors.ts";
import { jobIdFrom } from "../../domain/ids.ts";
import type { JobId, LeaseId } from "../../domain/ids.ts";
import type { Job, JobEnd } from "../../domain/job.ts";
import type { Lease } from "../../domain/lease.ts";
import type { Fleet } from "../../pool/fleet.ts";
import type { Leases } from "../../ports/leases.ts";
import { acceptJob, askUntilAnswered, endJob, noteSign, workOn } from "./frontDoor.ts";
import type { LiveJob } from "./job.ts";
import type { ManagerProcess } from "./process.ts";
import { keepRenewed } from "./renewals.ts";
import type { World } from "./world.ts";

interface Attendance {
  readonly world: World;
  readonly process: ManagerProcess;
  readonly fleet: Fleet;
  readonly leases: Leases;
}

/** The id of a job that the manager itself runs. */
const jobIdOf = ({ plan }: LiveJob): JobId => jobIdFrom(plan.name);

/** Hands a job to the manager, which runs it by itself from then on. Never rejects. */
export async function submitJob(world: World, job: LiveJob): Promise<void> {
  const signal = job.stop.signal;
  try {
    await askUntilAnswered(world, signal, async ({ fleet, leases }) => {
      if (job.isAccepted) return;
      const { process } = world;
      const { name, poolName } = job.plan;
      if (process === undefined) return;
      if (world.desired.pools.every((pool) => pool.name !== poolName)) throw new ConfigError([], "unknown-pool");
      const record: Job = {
        ...{ id: jobIdOf(job), name, poolName, holder: "job", createdAt: fleet.deps.clock.now(), phasesMs: {} },
        state: "waiting",
      };
      await fleet.deps.store.commit([{ kind: "job", job: record }]);
      job.isAccepted = true;
      attend({ world, process, fleet, leases }, job, undefined);
    });
  } catch (error) {
    // One that was given up is the next manager's, if the store has it, and never came to be, if it has not.
    if (job.isAccepted || (signal.aborted && world.truth.jobs.has(jobIdOf(job)))) return;
    job.isTurnedAway = true;
    world.journal.note(job.plan.name, `turned away: ${error}`);
  }
}

/** What a manager's job service does at its start: goes on with the jobs that have not ended. */
export function attendJobs(world: World, process: ManagerProcess, fleet: Fleet, leases: Leases): void {
  for (const job of world.jobs) {
    if (job.plan.holder !== "inside" || job.end !== undefined) continue;
    const stored = world.truth.jobs.get(jobIdOf(job));
    if (stored === undefined) continue;
    job.isAccepted = true;
    if (stored.state === "ended") {
      // The manager died between the record of the end and telling of it.
      endJob(world, job, stored.end.result);
      continue;
    }
    const lease = fleet.state.leases().find((open) => open.jobId === jobIdOf(job));
    attend({ world, process, fleet, leases }, job, lease);
  }
}

function attend(attendance: Attendance, job: LiveJob, lease: Lease | undefined): void {
  const { world, process } = attendance;
  runJob(attendance, job, lease).catch((error: unknown) => {
    if (process.isAlive()) world.tell({ what: "error-logged", text: `job ${job.plan.name} failed: ${error}` });
  });
}

async function runJob(attendance: Attendance, job: LiveJob, known: Lease | undefined): Promise<void> {
  const { world, process, fleet, leases } = attendance;
  let stopRenewing: () => void = () => undefined;
  let lease = known;
  let end: JobEnd["result"];
  try {
    if (lease === undefined && job.beganAtMs !== undefined)
      throw new MachineLostError("machine-lost", "its lease is gone");
    const { poolName, name, ttlMs, waitTimeoutMs } = job.plan;
    const jobId = jobIdOf(job);
    lease ??= await leases.request({ poolName, holder: name, jobId, ttlMs, waitTimeoutMs });
    acceptJob(world, job, lease.id);
    stopRenewing = keepRenewed(world.clock, ttlMs, renewalOf(attendance, lease.id));
    const held = await leases.waitUntilHeld(lease.id, () => undefined, job.stop.signal);
    end = (await workOn(world, job, held, job.stop.signal)) ?? "machine-lost";
  } catch (error) {
    end = resultFrom(job, error);
  }
  stopRenewing();
  if (!process.isAlive()) return;
  if (lease !== undefined) {
    const truth = world.truth.leases.get(lease.id);
    if (truth !== undefined) truth.isReleaseAsked = true;
    await untilStored(world, () =>
      leases.release(lease.id, end === "cancelled" ? "cancelled" : "released", "the job ended"),
    );
  }
  await untilStored(world, () => fleet.deps.store.commit([{ kind: "job", job: endedFrom(world, job, end) }]));
  endJob(world, job, end);
}

/** What a full disk does not let it renew now, it renews the next time; a lease that has ended is renewed no more. */
const renewalOf =
  ({ world, leases }: Attendance, leaseId: LeaseId): (() => Promise<void>) =>
  async () => {
    try {
      await leases.renew(leaseId);
      noteSign(world, leaseId);
    } catch (error) {
      if (error instanceof ConflictError) throw error;
    }
  };

/** A full disk is waited for: the end of a job must not be lost. */
async function untilStored(world: World, run: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== "disk-full") throw error;
      await world.clock.sleep(1_000);
    }
  }
}

function resultFrom(job: LiveJob, error: unknown): JobEnd["result"] {
  if (job.stop.signal.aborted) return "cancelled";
  if (error instanceof MachineLostError) return "machine-lost";
  if (error instanceof CapacityError || error instanceof ConflictError || error instanceof ConfigError)
    return "system-failure";
  if ((error as { readonly code?: unknown }).code === "disk-full") return "system-failure";
  throw error;
}

function endedFrom(world: World, job: LiveJob, result: JobEnd["result"]): Job {
  const { name, poolName } = job.plan;
  const now = world.clock.now();
  return {
    id: jobIdOf(job),
    name,
    poolName,
    holder: "job",
    createdAt: now,
    phasesMs: {},
    state: "ended",
    endedAt: now,
    end: endFrom(result),
  };
}

function endFrom(result: JobEnd["result"]): JobEnd {
  if (result === "success") return { result, exitCode: 0 };
  return result === "failed" ? { result, exitCode: 1, message: result } : { result, message: result };
}
