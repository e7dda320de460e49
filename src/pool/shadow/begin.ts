import type { EpochMs } from "../../domain/ids.ts";
import { machineIdFrom } from "../../domain/ids.ts";
import type { LiveMachine, Machine } from "../../domain/machine.ts";
import { idleFrom, leasedFrom } from "../../domain/moves.ts";
import type { DesiredPool, ShadowWish } from "../../domain/pool.ts";
import { recipeOf, shapeDigestOf } from "../../domain/recipe.ts";
import { expectedPrice } from "../../planning/cost/daySpend.ts";
import type { ShadowBook, ShadowWorld } from "../../planning/shadow/book.ts";
import { bookedMachine, NOWHERE } from "../../planning/shadow/machines.ts";
import type { ShadowSetting } from "../../planning/shadow/run.ts";
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
import { lastTimes } from "./times.ts";

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
  const book = bookFrom(fleet, pool, settingOf(fleet, pool, wish), numbers, now);
  return {
    ...{ poolName: pool.name, wish, digest: digestOfWish(wish), startedAt: now, book, numbers },
    period: openPeriod(fleet, pool, wish, book),
    acting: createActing(fleet.state.machines(pool.name), now),
    totals: { shadow: emptyTally(), acting: emptyTally(), compared: nothingCompared() },
    nextNumber: leases.length,
    planner: plannerFor(fleet, shadowPool, arrivals, now),
    ...{ why: "", schedules: createSchedules(), changesAt: now, savedAt: -Infinity, problem: "" },
    ...{ missed: [], seenPool: undefined },
  };
}

/** Opens a stretch with the book as it stands, whose figures begin anew. */
export function openPeriod(fleet: Fleet, pool: DesiredPool, wish: ShadowWish, book: ShadowBook): OpenPeriod {
  Object.assign(book, { tally: emptyTally(), compared: nothingCompared() });
  return {
    setting: settingOf(fleet, pool, wish),
    start: structuredClone(book),
    ...{ inputs: [], tookMs: [], actingLevels: [], decisions: [] },
  };
}

function settingOf(fleet: Fleet, pool: DesiredPool, wish: ShadowWish): ShadowSetting {
  const shadowPool = poolOfShadow(pool, wish);
  return {
    ...{ pool: shadowPool, aimMs: aimMsOf(pool, wish), bootMs: bootMsOf(fleet, pool.name) },
    ...(canStop(fleet, shadowPool) && { recipe: recipeOf(shadowPool, fleet.deps.version ?? "") }),
  };
}

function canStop({ deps }: Fleet, { stoppedCount = 0, schedule = [], shape }: DesiredPool): boolean {
  const isAsked = [stoppedCount, ...schedule.map((section) => section.stoppedCount ?? 0)].some((count) => count > 0);
  return isAsked && deps.drivers.get(shape.driver)?.power !== undefined;
}

function bookFrom(
  fleet: Fleet,
  pool: DesiredPool,
  setting: ShadowSetting,
  numbers: ReadonlyMap<string, number>,
  now: EpochMs,
): ShadowBook {
  const { startMs, stopMs } = lastTimes(fleet, pool.name);
  const { midnight, endedUsd, jobMs } = fleet.spend.of(pool.name, now);
  const world = worldOf(fleet, pool);
  const live = fleet.state.machines(pool.name);
  const copied = live.flatMap((machine, n) => copyOf(machine, n, setting, world));
  const idOf = new Map(copied.map(({ leaseId, copy }) => [leaseId, copy.id]));
  return {
    ...{ at: now, startedAt: now, machines: copied.map(({ copy }) => copy) },
    boots: copied.flatMap(({ copy }) => {
      if (copy.state === "booting") return [{ id: copy.id, readyAt: Math.max(now, copy.requestedAt + setting.bootMs) }];
      return copy.state === "starting" ? [{ id: copy.id, readyAt: Math.max(now, copy.startingSince + startMs) }] : [];
    }),
    stops: copied.flatMap(({ copy }) =>
      copy.state === "stopping" ? [{ id: copy.id, stoppedAt: Math.max(now, copy.stoppingSince + stopMs) }] : [],
    ),
    jobs: fleet.state.leases(pool.name).map((lease) => ({
      ...{ no: numbers.get(lease.id) ?? 0, priority: lease.priority, readyAt: lease.createdAt },
      ...(lease.state === "held" && {
        ...{ heldAt: lease.heldSince, machineId: idOf.get(lease.id) },
        actingWaitMs: lease.heldSince - lease.createdAt,
      }),
    })),
    ...{ madeMachines: live.length, startsAsked: 0, stopsAsked: 0 },
    level: { idleCount: 0, idleTimeMs: pool.idleTimeMs },
    world,
    spend: { midnight, endedUsd, jobMs },
    ...{ tally: emptyTally(), compared: nothingCompared() },
  };
}

/**
 * Copies a machine with what counts in a book; none that is on its way out, and one that is stopped only where the shadow has such.
 * What was not made to be stopped is taken to be, as long as it is what the pool makes now.
 */
function copyOf(
  machine: Machine,
  n: number,
  { pool, recipe }: ShadowSetting,
  { price }: ShadowWorld,
): { readonly copy: LiveMachine; readonly leaseId?: string }[] {
  const id = machineIdFrom(`shadow-0-${n}`);
  const { requestedAt, startedAt, spentUsd, shapeDigest } = machine;
  const made = machine.recipe ?? (shapeDigest === shapeDigestOf(pool) ? recipe : undefined);
  const booting = { ...bookedMachine(id, pool, requestedAt, price, made), startedAt, spentUsd, shapeDigest };
  if (machine.state === "requested" || machine.state === "booting") return [{ copy: booting }];
  if (machine.state === "terminating" || machine.state === "terminated") return [];
  const launched = { ...booting, launchedAt: machine.launchedAt };
  if (machine.state === "starting")
    return [{ copy: { ...launched, state: machine.state, startingSince: machine.startingSince } }];
  if (machine.state === "stopping" || machine.state === "stopped") {
    if (recipe === undefined) return [];
    const { state } = machine;
    if (state === "stopping") return [{ copy: { ...launched, state, stoppingSince: machine.stoppingSince } }];
    return [{ copy: { ...launched, state, stoppedSince: machine.stoppedSince } }];
  }
  const idle = idleFrom(launched, NOWHERE, machine.readyAt, machine.runningSince);
  if (machine.state === "idle") return [{ copy: { ...idle, idleSince: machine.idleSince } }];
  return [{ copy: leasedFrom(idle, machine.leaseId, machine.leasedAt), leaseId: machine.leaseId }];
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
  const price = expectedPrice(pool, own);
  const { launchesPausedUntil, startsPausedUntil, stopsPausedUntil } = state.notes(pool.name);
  const now = deps.clock.now();
  const isWritable = fleet.storeProblem === "" && (deps.spaceProblem?.() ?? "") === "";
  return {
    mode: modeOf(fleet, pool.name),
    launches: isWritable && now >= launchesPausedUntil,
    starts: isWritable && now >= startsPausedUntil,
    stops: isWritable && now >= stopsPausedUntil,
    // More than a pool may have anyway says nothing: other pools come and go without it.
    most: Math.min(mostOf(pool), Math.max(0, deps.desired().maxMachines - (state.machineCount() - own.length))),
    price: price && { ...price, source: "as its pool's machines" },
  };
}

const mostOf = ({ maxMachines, shadows = [] }: DesiredPool): number =>
  Math.max(maxMachines, ...shadows.map((shadow) => shadow.maxMachines));
