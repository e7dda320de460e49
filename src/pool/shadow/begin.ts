import type { EpochMs } from "../../domain/ids.ts";
import { machineIdFrom } from "../../domain/ids.ts";
import type { LiveMachine, Machine } from "../../domain/machine.ts";
import { idleFrom, leasedFrom } from "../../domain/moves.ts";
import type { DesiredPool, ShadowWish } from "../../domain/pool.ts";
import { expectedUsdPerHour } from "../../planning/cost/daySpend.ts";
import type { ShadowBook, ShadowWorld } from "../../planning/shadow/book.ts";
import { bootingMachine } from "../../planning/shadow/decide.ts";
import { emptyTally, nothingCompared } from "../../planning/shadow/tally.ts";
import { modeOf } from "../fleet.ts";
import type { Fleet } from "../fleet.ts";
import { createSchedules } from "../schedules.ts";
import { bootMsOf } from "../target/boots.ts";
import { stateFromPast } from "../target/restore.ts";
import { aimOf, windowMsOf } from "../target/settings.ts";
import { createActing } from "./acting.ts";
import { aimMsOf, digestOfWish, poolOfShadow } from "./shadow.ts";
import type { OpenPeriod, Shadow } from "./shadow.ts";

/**
 * Begins a shadow with what its pool has now: the machines, those that boot among them, and the jobs. A target begins with what
 * the past weeks told.
 * @param arrivals of jobs in the past, oldest first
 */
export function beginShadow(
  fleet: Fleet,
  pool: DesiredPool,
  wish: ShadowWish,
  arrivals: readonly EpochMs[],
  now: EpochMs,
): Shadow {
  const shadowPool = poolOfShadow(pool, wish);
  const leases = fleet.state.leases(pool.name);
  const numbers = new Map(leases.map(({ id }, no) => [id, no]));
  const book = bookFrom(fleet, pool, numbers, now);
  return {
    ...{ poolName: pool.name, wish, digest: digestOfWish(wish), startedAt: now, book, numbers },
    period: openPeriod(fleet, pool, wish, book),
    acting: createActing(fleet.state.machines(pool.name), now),
    totals: { shadow: emptyTally(), acting: emptyTally(), compared: nothingCompared() },
    nextNumber: leases.length,
    planner: plannerFor(fleet, shadowPool, arrivals, now),
    ...{ why: "", schedules: createSchedules(), changesAt: now, savedAt: -Infinity, problem: "" },
    ...{ missed: [], seenPool: pool },
  };
}

/** Opens a stretch with the book as it stands, whose figures begin anew. */
export function openPeriod(fleet: Fleet, pool: DesiredPool, wish: ShadowWish, book: ShadowBook): OpenPeriod {
  Object.assign(book, { tally: emptyTally(), compared: nothingCompared() });
  const bootMs = bootMsOf(fleet, pool.name);
  return {
    setting: { pool: poolOfShadow(pool, wish), aimMs: aimMsOf(pool, wish), bootMs },
    start: structuredClone(book),
    ...{ inputs: [], boots: [], actingLevels: [], decisions: [] },
  };
}

function bookFrom(fleet: Fleet, pool: DesiredPool, numbers: ReadonlyMap<string, number>, now: EpochMs): ShadowBook {
  const bootMs = bootMsOf(fleet, pool.name);
  const { midnight, endedUsd, jobMs } = fleet.spend.of(pool.name, now);
  const world = worldOf(fleet, pool);
  const live = fleet.state.machines(pool.name);
  const copied = live.flatMap((machine, n) => copyOf(machine, n, pool, world));
  const idOf = new Map(copied.map(({ leaseId, copy }) => [leaseId, copy.id]));
  return {
    ...{ at: now, startedAt: now, machines: copied.map(({ copy }) => copy) },
    boots: copied.flatMap(({ copy }) =>
      copy.state === "booting" ? [{ id: copy.id, readyAt: Math.max(now, copy.requestedAt + bootMs) }] : [],
    ),
    jobs: fleet.state.leases(pool.name).map((lease) => ({
      ...{ no: numbers.get(lease.id) ?? 0, priority: lease.priority, readyAt: lease.createdAt },
      ...(lease.state === "held" && {
        ...{ heldAt: lease.heldSince, machineId: idOf.get(lease.id) },
        actingWaitMs: lease.heldSince - lease.createdAt,
      }),
    })),
    madeMachines: live.length,
    level: { idleCount: 0, idleTimeMs: pool.idleTimeMs },
    world,
    spend: { midnight, endedUsd, jobMs },
    ...{ tally: emptyTally(), compared: nothingCompared() },
  };
}

/** Copies a machine with what counts in a book; none that is stopped, or on its way out. */
function copyOf(
  machine: Machine,
  n: number,
  { name, shape }: DesiredPool,
  { price }: ShadowWorld,
): { readonly copy: LiveMachine; readonly leaseId?: string }[] {
  const launchedAt = "launchedAt" in machine ? (machine.launchedAt ?? machine.requestedAt) : machine.requestedAt;
  const booting = bootingMachine(machineIdFrom(`shadow-0-${n}`), name, shape.driver, machine.requestedAt, price);
  switch (machine.state) {
    case "requested":
    case "booting":
    case "starting":
      return [{ copy: booting }];
    case "idle":
    case "leased": {
      const launched = { ...booting, launchedAt };
      const idle = idleFrom(launched, { host: "", port: 0 }, machine.readyAt, machine.runningSince);
      if (machine.state === "idle") return [{ copy: { ...idle, idleSince: machine.idleSince } }];
      return [{ copy: leasedFrom(idle, machine.leaseId, machine.leasedAt), leaseId: machine.leaseId }];
    }
    case "stopping":
    case "stopped":
    case "terminating":
    case "terminated":
      return [];
  }
}

function plannerFor(fleet: Fleet, pool: DesiredPool, arrivals: readonly EpochMs[], now: EpochMs): Shadow["planner"] {
  if (pool.target === undefined) return undefined;
  const state = stateFromPast(windowMsOf(pool, bootMsOf(fleet, pool.name)), arrivals, now);
  return { state, aim: aimOf(pool), last: undefined };
}

/** What the surroundings of a pool let its shadows do now. */
export function worldOf(fleet: Fleet, pool: DesiredPool): ShadowWorld {
  const { state, deps } = fleet;
  const own = state.machines(pool.name);
  const usdPerHour = expectedUsdPerHour(pool, own);
  const isWritable = fleet.storeProblem === "" && (deps.spaceProblem?.() ?? "") === "";
  return {
    mode: modeOf(fleet, pool.name),
    launches: isWritable && deps.clock.now() >= state.notes(pool.name).launchesPausedUntil,
    // More than a pool may have anyway says nothing: other pools come and go without it.
    most: Math.min(mostOf(pool), Math.max(0, deps.desired().maxMachines - (state.machineCount() - own.length))),
    price: usdPerHour === undefined ? undefined : { usdPerHour, source: "as its pool's machines" },
  };
}

const mostOf = ({ maxMachines, shadows = [] }: DesiredPool): number =>
  Math.max(maxMachines, ...shadows.map((shadow) => shadow.maxMachines));
