import { CapacityError, ConfigError, ConflictError, MachineLostError } from "../../domain/errors.ts";
import type { LeaseId } from "../../domain/ids.ts";
import type { JobEnd } from "../../domain/job.ts";
import type { HeldMachine } from "../../ports/leases.ts";
import type { LiveJob } from "./job.ts";
import type { SimulatedManager } from "./manager.ts";
import { ConnectionLost } from "./process.ts";
import { keepRenewed } from "./renewals.ts";
import { isAlive } from "./truth.ts";
import type { World } from "./world.ts";

/** How long a front door waits before it looks for the manager again. */
const RECONNECT_MS = 1_000;
type Result = JobEnd["result"];

/** Lives through one job as a process of its own does that acquires a lease, works on its machine, and releases it. Never rejects. */
export async function liveFrontDoor(world: World, job: LiveJob): Promise<void> {
  const signal = job.stop.signal;
  try {
    const leaseId = await acquire(world, job, signal);
    if (leaseId === undefined) return;
    endJob(world, job, await holdLease(world, job, leaseId, signal));
  } catch (error) {
    if (!job.isOrphaned) world.tell({ what: "error-logged", text: `front door of ${job.plan.name} failed: ${error}` });
  }
}

/** Notes the end of a job. */
export function endJob(world: World, job: LiveJob, end: Result): void {
  job.end = end;
  job.endCount += 1;
  world.journal.note(`${job.plan.name} ${job.leaseId ?? ""} ${job.machineId ?? ""}`, `job ended: ${end}`);
  world.tell({ what: "job-ended", job });
}

/** Asks the manager of the moment. @throws ConnectionLost when there is none, or when it dies before it has answered. */
export async function ask<T>(world: World, run: (manager: SimulatedManager) => Promise<T>): Promise<T> {
  const { manager, process } = world;
  if (manager === undefined || process === undefined) throw new ConnectionLost("there is no manager");
  return process.ask(() => run(manager));
}

/** Asks until there is an answer, be it a refusal. */
export async function askUntilAnswered<T>(
  world: World,
  signal: AbortSignal,
  run: (manager: SimulatedManager) => Promise<T>,
): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await ask(world, run);
    } catch (error) {
      if (!(error instanceof ConnectionLost) && !isDiskFull(error)) throw error;
      await pauseBeforeNextTry(world, signal);
    }
  }
}

/** It looks once a second. What it would look at in vain while there is no manager is not played. */
async function pauseBeforeNextTry(world: World, signal: AbortSignal): Promise<void> {
  const { clock, serving } = world;
  const startedAtMs = clock.monotonic();
  await clock.sleep(RECONNECT_MS, signal);
  if (world.manager !== undefined) return;
  await serving.next(["manager"], signal);
  const sinceLookMs = (clock.monotonic() - startedAtMs) % RECONNECT_MS;
  await clock.sleep(RECONNECT_MS - sinceLookMs, signal);
}

const isDiskFull = (error: unknown): boolean => (error as { readonly code?: unknown }).code === "disk-full";

/** Answers the lease; undefined when the manager turns the job away. A lease whose answer was lost is left to lapse. */
async function acquire(world: World, job: LiveJob, signal: AbortSignal): Promise<LeaseId | undefined> {
  const { name, poolName, ttlMs, waitTimeoutMs } = job.plan;
  try {
    const lease = await askUntilAnswered(world, signal, ({ leases }) =>
      leases.request({ poolName, holder: name, ttlMs, waitTimeoutMs }),
    );
    acceptJob(world, job, lease.id);
    return lease.id;
  } catch (error) {
    const isGivenUp = signal.aborted && !job.isAccepted;
    if (!isGivenUp && !(error instanceof ConflictError) && !(error instanceof ConfigError)) throw error;
    job.isTurnedAway = true;
    world.journal.note(name, `turned away: ${(error as Error).message}`);
    return undefined;
  }
}

/** Notes that the manager has taken a job on. */
export function acceptJob(world: World, job: LiveJob, leaseId: LeaseId): void {
  job.isAccepted = true;
  job.leaseId = leaseId;
  const lease = world.truth.leases.get(leaseId);
  if (lease !== undefined) lease.job = job;
  world.journal.note(`${job.plan.name} ${leaseId}`, "accepted");
}

async function holdLease(world: World, job: LiveJob, leaseId: LeaseId, signal: AbortSignal): Promise<Result> {
  const renewing = new AbortController();
  // One that fails ends them: whoever works under the lease learns by itself that it is over.
  const stop = keepRenewed(world.clock, job.plan.ttlMs, async () => {
    await askUntilAnswered(world, renewing.signal, ({ leases }) => leases.renew(leaseId));
    noteSign(world, leaseId);
  });
  const stopRenewing = (): void => {
    renewing.abort(signal.reason);
    stop();
  };
  signal.addEventListener("abort", stopRenewing, { once: true });
  if (signal.aborted) stopRenewing();
  try {
    return await work(world, job, leaseId, signal);
  } finally {
    stopRenewing();
    signal.removeEventListener("abort", stopRenewing);
  }
}

/** Notes that the manager has heard of a lease's holder. */
export function noteSign(world: World, leaseId: LeaseId): void {
  const lease = world.truth.leases.get(leaseId);
  if (lease !== undefined) lease.lastSignMs = world.clock.monotonic();
}

async function work(world: World, job: LiveJob, leaseId: LeaseId, signal: AbortSignal): Promise<Result> {
  for (;;) {
    try {
      const held = await askUntilAnswered(world, signal, ({ leases }) =>
        leases.waitUntilHeld(leaseId, () => undefined, signal),
      );
      const end = await workOn(world, job, held, signal);
      if (end === undefined) continue;
      await release(world, leaseId, "released", signal);
      return end;
    } catch (error) {
      if (job.isOrphaned) throw error;
      if (signal.aborted) {
        await release(world, leaseId, "cancelled", new AbortController().signal);
        return "cancelled";
      }
      return resultFrom(error);
    }
  }
}

/**
 * Works on a machine until the job's time is over. The work goes on by itself while the manager is away.
 * Answers undefined when the manager went away, so that the machine must be asked for again; throws when it was lost.
 */
export async function workOn(
  world: World,
  job: LiveJob,
  held: HeldMachine,
  signal: AbortSignal,
): Promise<Result | undefined> {
  const { clock } = world;
  const { machineId, leaseId, lost } = held;
  if (job.beganAtMs === undefined) {
    job.beganAtMs = clock.monotonic();
    job.machineId = machineId;
    world.journal.note(`${job.plan.name} ${leaseId} ${machineId}`, "work began");
    world.tell({ what: "work-began", job, machineId, leaseId });
  }
  const process = world.process;
  const died = new AbortController();
  process?.onDeath(() => died.abort(new ConnectionLost("the manager died")));
  const over = new AbortController();
  const end = (reason: unknown): void => over.abort(reason);
  const parts = [signal, lost, died.signal].map((part) => ({ part, tell: () => end(part.reason) }));
  for (const { part, tell } of parts) part.addEventListener("abort", tell, { once: true });
  for (const { part, tell } of parts) if (part.aborted) tell();
  try {
    await clock.sleep(job.beganAtMs + job.plan.runMs - clock.monotonic(), over.signal);
    // The result comes from the machine: from one that is gone it never does, and the loss is all that can be waited for.
    if (world.truth.machine(machineId).instances.some(isAlive)) return "success";
    return await new Promise<never>((_resolve, reject) => {
      over.signal.addEventListener("abort", () => reject(over.signal.reason), { once: true });
    });
  } catch (error) {
    if (error instanceof ConnectionLost) return undefined;
    throw error;
  } finally {
    for (const { part, tell } of parts) part.removeEventListener("abort", tell);
  }
}

async function release(
  world: World,
  leaseId: LeaseId,
  outcome: "released" | "cancelled",
  signal: AbortSignal,
): Promise<void> {
  const lease = world.truth.leases.get(leaseId);
  if (lease !== undefined) lease.isReleaseAsked = true;
  await askUntilAnswered(world, signal, ({ leases }) => leases.release(leaseId, outcome, "its holder is done"));
}

function resultFrom(error: unknown): Result {
  if (error instanceof MachineLostError) return "machine-lost";
  if (error instanceof CapacityError || error instanceof ConflictError) return "system-failure";
  throw error;
}
