import type { ConfigReload } from "../domain/configChange.ts";
import { ConflictError, NotFoundError } from "../domain/errors.ts";
import type { LeaseId, MachineId } from "../domain/ids.ts";
import type { Job, JobSpec } from "../domain/job.ts";
import type { LeaseIn } from "../domain/lease.ts";
import type { Machine } from "../domain/machine.ts";
import type { PoolMode } from "../domain/pool.ts";
import { whyOfJob } from "./jobWhy.ts";
import type { JobService } from "../jobs/service.ts";
import { auditInstances, reapStrangersNow } from "../pool/provider/audit.ts";
import type { AuditPorts } from "../pool/provider/audit.ts";
import { callDriver } from "../pool/provider/calls.ts";
import { steerPool, viewPool } from "../pool/control.ts";
import { withDeadline } from "../ports/deadline.ts";
import { nudge } from "../pool/fleet.ts";
import type { Fleet } from "../pool/fleet.ts";
import { heldMachine } from "../pool/leases/leases.ts";
import { viewShadows } from "../pool/shadow/view.ts";
import { poolKey } from "../pool/state/state.ts";
import { whyPool } from "../pool/target/view.ts";
import { retireMachine } from "../pool/terminate.ts";
import type { Archives } from "../ports/files.ts";
import type { HeldMachine, Leases } from "../ports/leases.ts";
import { ALL_POOLS } from "../ports/store.ts";
import type { Health } from "../ports/health.ts";
import type { ConfigDiff, LeaseView, Manager, PoolView } from "../ports/manager.ts";
import { pricedJob, pricedMachine } from "./priced.ts";

/** How many ended records a list with `all` shows at the most. */
const RECENT_LIMIT = 1_000;
/** The socket of the engine on every machine. */
const ENGINE_SOCKET = "/var/run/docker.sock";

export interface ManagerParts {
  readonly fleet: Fleet;
  readonly leases: Leases;
  readonly jobs: JobService;
  readonly archives: Archives;
  readonly health: () => Health;
  readonly reload: (why: string) => Promise<ConfigReload>;
  readonly diff: (text: string, fileName: string) => Promise<ConfigDiff>;
  /** Hears of each lease that is asked for by itself, before it is. Must not throw. */
  readonly onAcquire?: ((poolName: string) => void) | undefined;
  /** Hears of each job before it is taken. Must not throw. */
  readonly onSubmit?: ((spec: JobSpec) => void) | undefined;
}

/** Joins the parts of a manager into the one interface that the API serves and embedded front doors use. */
export function createManager({
  fleet,
  leases,
  jobs,
  archives,
  health,
  reload,
  diff,
  onSubmit,
  onAcquire,
}: ManagerParts): Manager {
  const { store, drivers, clock } = fleet.deps;
  const auditPorts: AuditPorts = {
    ...{ store, drivers, clock },
    call: (name, verb, signal, run) => callDriver(fleet, name, verb, signal, run),
  };
  const machineOf = async (id: MachineId): Promise<Machine> =>
    pricedMachine(found(await store.machine(id), "machine", id), clock.now());
  const priced = (job: Job): Promise<Job> => pricedJob(job, store, clock.now());

  return {
    health: async () => health(),
    reloadConfig: () => reload("asked through the API"),
    diffConfig: diff,
    pools: async () => viewPools(fleet),
    pool: async (name) => viewPool(fleet, name),
    poolWhy: (name) => whyPool(fleet, name),
    poolShadows: (name) => viewShadows(fleet, name),
    cordonPool: (name) => steer(fleet, name, "cordoned"),
    drainPool: (name) => steer(fleet, name, "draining"),
    resumePool: (name) => steer(fleet, name, "open"),
    cordonAll: () => steerAll(fleet, "cordoned"),
    drainAll: () => steerAll(fleet, "draining"),
    resumeAll: () => steerAll(fleet, "open"),

    async machines(all) {
      const list = all ? await store.recentMachines(RECENT_LIMIT) : fleet.state.machines();
      return list.map((machine) => pricedMachine(machine, clock.now()));
    },
    machine: machineOf,
    async terminateMachine(id) {
      found(await store.machine(id), "machine", id);
      await retireMachine(fleet, id, "operator", "the operator asked for it");
      return machineOf(id);
    },
    auditInstances: (signal) => auditInstances(auditPorts, signal),
    reapStrangers: (signal) => reapStrangersNow(auditPorts, signal),
    async execOnMachine(id, command, options, signal) {
      const guest = fleet.guests.get(id);
      if (guest === undefined) throw new NotFoundError("no-channel", `machine ${id} is not ready: it has no channel`);
      return guest.channel.exec(command, options, signal);
    },

    async acquireLease(request, key) {
      onAcquire?.(request.poolName);
      return viewLease(fleet, (await leases.request(request, key)).id);
    },
    leases: async (all) => {
      const list = all ? await store.recentLeases(RECENT_LIMIT) : fleet.state.leases();
      return Promise.all(list.map((lease) => viewLease(fleet, lease.id)));
    },
    awaitLease: (id, waitMs, knownWhy, signal) => awaitLease(fleet, id, waitMs, knownWhy, signal),
    async renewLease(id) {
      await leases.renew(id);
      return viewLease(fleet, id);
    },
    async releaseLease(id) {
      found(await store.lease(id), "lease", id);
      await leases.release(id, "released", "its holder is done");
      return viewLease(fleet, id);
    },
    execOnLease: async (id, command, options, signal) => held(fleet, id).channel.exec(command, options, signal),
    forwardEngine: async (id, signal) => held(fleet, id).channel.forward(ENGINE_SOCKET, signal),

    putArchive: (bytes, signal) => archives.put(bytes, signal),
    async submitJob(spec, key) {
      onSubmit?.(spec);
      return jobs.submit(spec, key);
    },
    async announcePipeline(id, announcement) {
      for (const { poolName } of [...announcement.jobs, ...announcement.begun]) viewPool(fleet, poolName);
      fleet.planners.announced.announce(id, announcement, clock.now());
      nudge(fleet);
      return { id };
    },
    jobs: async (all) => Promise.all((await jobs.jobs(all)).map(priced)),
    job: async (id) => priced(await jobs.job(id)),
    awaitJob: async (id, waitMs, signal) => priced(await jobs.await(id, waitMs, signal)),
    cancelJob: async (id, force) => priced(await jobs.cancel(id, force)),
    jobEvents: async (id) => {
      await jobs.job(id);
      return store.eventsOf(id);
    },
    jobWhy: async (id) => whyOfJob(fleet, await jobs.job(id)),
    startStage: (id, request, key) => jobs.startStage(id, request, key),
    awaitStage: (id, number, waitMs, signal) => jobs.awaitStage(id, number, waitMs, signal),
    stopStage: (id, number) => jobs.stopStage(id, number),
    stageLog: (id, number, offset, signal) => jobs.stageLog(id, number, offset, signal),
    finishJob: async (id) => priced(await jobs.finish(id)),
    jobLog: (id, offset, follow, signal) => jobs.log(id, offset, follow, signal),
  };
}

async function steer(fleet: Fleet, name: string, to: PoolMode): Promise<PoolView> {
  await steerPool(fleet, name, to);
  return viewPool(fleet, name);
}

async function steerAll(fleet: Fleet, to: PoolMode): Promise<readonly PoolView[]> {
  await steerPool(fleet, ALL_POOLS, to);
  return viewPools(fleet);
}

const viewPools = (fleet: Fleet): readonly PoolView[] =>
  fleet.deps.desired().pools.map((pool) => viewPool(fleet, pool.name));

async function viewLease(fleet: Fleet, id: LeaseId): Promise<LeaseView> {
  const lease = found(await fleet.deps.store.lease(id), "lease", id);
  return lease.state === "waiting" ? { lease, why: fleet.state.notes(lease.poolName).waitWhy } : { lease };
}

async function awaitLease(
  fleet: Fleet,
  id: LeaseId,
  waitMs: number,
  knownWhy: string | undefined,
  signal: AbortSignal,
): Promise<LeaseView> {
  const late = (): Error => new Error("the wait is over");
  const stopAttending = fleet.attended.begin(id, fleet.deps.clock);
  try {
    return await withDeadline(fleet.deps.clock, waitMs, late, signal, async (bounded) => {
      for (;;) {
        const view = await viewLease(fleet, id);
        if (view.lease.state !== "waiting" || view.why !== knownWhy || bounded.aborted) return view;
        await fleet.changes.next([id, poolKey(view.lease.poolName)], bounded);
      }
    });
  } finally {
    stopAttending();
  }
}

function held(fleet: Fleet, id: LeaseId): HeldMachine {
  const lease = fleet.state.lease(id);
  if (lease === undefined) throw new NotFoundError("unknown-lease", `there is no open lease ${id}`);
  if (lease.state === "waiting") throw new ConflictError("lease-waiting", `lease ${id} still waits for a machine`);
  return heldMachine(fleet, lease satisfies LeaseIn<"held">);
}

function found<T>(thing: T | undefined, kind: string, id: string): T {
  if (thing === undefined) throw new NotFoundError(`unknown-${kind}`, `there is no ${kind} ${id}`);
  return thing;
}
