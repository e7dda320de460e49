import type { EpochMs, LeaseId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job.ts";
import type { Lease } from "../../domain/lease.ts";
import type { Machine, MachineState } from "../../domain/machine.ts";
import type { Change, Store } from "../../ports/store.ts";
import type { GitlabFamilies } from "./gitlab.ts";
import type { Instruments } from "./instruments.ts";

const SECOND_MS = 1_000;

export interface CommitMeterDeps {
  readonly instruments: Instruments;
  readonly gitlab: GitlabFamilies | undefined;
  /** The label of a pool: pools that are not wished for share one, so that there are never more than pools. */
  readonly poolLabel: (poolName: string) => string;
  /** Whether a lease was there before. */
  readonly isKnownLease: (id: LeaseId) => boolean;
  /** The wait that counts as in time in a pool, in milliseconds; undefined where none is promised. */
  readonly promisedWaitMs: (poolName: string) => number | undefined;
  /** Whether somebody waits in a pool: a launch is for them then. */
  readonly isWaitedFor: (poolName: string) => boolean;
  readonly now: () => EpochMs;
}

/** A store whose commits are counted: all that happens to machines, leases and jobs goes through them. */
export function meteredStore(store: Store, deps: CommitMeterDeps): Store {
  return {
    ...store,
    async commit(changes) {
      // A lease that is held by this commit does not wait any more.
      const waited = new Set(
        changes
          .filter(isLaunch)
          .map(({ machine }) => machine.poolName)
          .filter(deps.isWaitedFor),
      );
      const come = changes.flatMap((change) =>
        change.kind === "lease" && change.lease.state !== "ended" && !deps.isKnownLease(change.lease.id)
          ? [change.lease.poolName]
          : [],
      );
      await store.commit(changes);
      for (const poolName of come) deps.instruments.arrivals.inc({ pool: deps.poolLabel(poolName) });
      for (const change of changes) count(change, changes, waited, deps);
    },
  };
}

const isLaunch = (change: Change): change is Extract<Change, { kind: "machine-added" }> =>
  change.kind === "machine-added";

function count(change: Change, batch: readonly Change[], waited: ReadonlySet<string>, deps: CommitMeterDeps): void {
  switch (change.kind) {
    case "machine-added": {
      const { poolName } = change.machine;
      const reason = waited.has(poolName) ? "waiting" : "idle";
      deps.instruments.decisions.inc({ pool: deps.poolLabel(poolName), action: "launch", reason });
      break;
    }
    case "machine-moved":
      if (change.machine.state !== change.from) countMove(change.machine, change.from, deps);
      break;
    case "lease":
      countLease(change.lease, batch, deps);
      break;
    case "job":
      countJob(change.job, deps);
      break;
    case "pool-mode":
    case "pool-memory":
    case "level-decided":
    case "shadow-recorded":
    case "shadow-memory":
    case "event":
      break;
  }
}

function countLease(
  lease: Lease,
  batch: readonly Change[],
  { instruments, poolLabel, promisedWaitMs }: CommitMeterDeps,
): void {
  const pool = poolLabel(lease.poolName);
  if (lease.state === "ended") instruments.leases.inc({ pool, outcome: lease.outcome });
  if (lease.state !== "held") return;
  // A renewal is written as held, too; the machine moves with the first one alone.
  const isNew = batch.some(
    (one) => one.kind === "machine-moved" && one.machine.id === lease.machineId && one.from === "idle",
  );
  if (!isNew) return;
  instruments.leaseWait.observe({ pool }, seconds(lease.createdAt, lease.heldSince));
  const promisedMs = promisedWaitMs(lease.poolName);
  if (promisedMs === undefined) return;
  const outcome = lease.heldSince - lease.createdAt <= promisedMs ? "in-time" : "late";
  instruments.promises.inc({ pool, outcome });
}

function countJob(job: Job, { instruments, poolLabel }: CommitMeterDeps): void {
  if (job.state !== "ended") return;
  const pool = poolLabel(job.poolName);
  instruments.jobs.inc({ pool, result: job.end.result });
  for (const [phase, ms] of Object.entries(job.phasesMs))
    if (ms !== undefined) instruments.jobPhase.observe({ pool, phase }, ms / SECOND_MS);
}

function countMove(machine: Machine, from: MachineState, deps: CommitMeterDeps): void {
  const { instruments, gitlab, now } = deps;
  const pool = deps.poolLabel(machine.poolName);
  const phase = (name: string, since: EpochMs, until: EpochMs): void =>
    instruments.machinePhase.observe({ pool, phase: name }, seconds(since, until));
  switch (machine.state) {
    case "booting":
      phase("launch", machine.requestedAt, now());
      break;
    case "idle":
      if (from === "starting") {
        phase("start", machine.startedAt ?? machine.launchedAt, machine.readyAt);
        break;
      }
      phase("boot", machine.launchedAt, machine.readyAt);
      gitlab?.created(seconds(machine.requestedAt, machine.readyAt));
      break;
    case "leased":
      phase("idle", machine.readyAt, machine.leasedAt);
      gitlab?.used();
      break;
    case "stopping":
    case "starting": {
      const action = machine.state === "stopping" ? "stop" : "start";
      instruments.decisions.inc({ pool, action, reason: "stopped-count" });
      break;
    }
    case "terminating":
      instruments.decisions.inc({ pool, action: "terminate", reason: machine.reason });
      if (from === "requested" || from === "booting") gitlab?.creationFailed(seconds(machine.requestedAt, now()));
      break;
    case "terminated":
      phase("end", machine.terminatingSince, machine.terminatedAt);
      gitlab?.removed(seconds(machine.terminatingSince, machine.terminatedAt));
      if (machine.costUsd !== undefined && machine.costUsd > 0) instruments.cost.inc({ pool }, machine.costUsd);
      break;
    case "stopped":
    case "requested":
      break;
  }
}

const seconds = (since: EpochMs, until: EpochMs): number => Math.max(0, until - since) / SECOND_MS;
