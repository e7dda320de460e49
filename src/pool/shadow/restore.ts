import type { EpochMs } from "../../domain/ids.ts";
import type { Lease } from "../../domain/lease.ts";
import type { Machine } from "../../domain/machine.ts";
import type { DesiredPool, ShadowWish } from "../../domain/pool.ts";
import type { Change } from "../../ports/store.ts";
import type { Fleet } from "../fleet.ts";
import { createSchedules } from "../schedules.ts";
import { bootMsOf } from "../target/boots.ts";
import { catchUpActing } from "./acting.ts";
import { beginShadow } from "./begin.ts";
import { heardSince } from "./heard.ts";
import { shadowMemoryFrom } from "./record.ts";
import type { ShadowMemory } from "./record.ts";
import { stepPool } from "./step.ts";
import { digestOfWish } from "./shadow.ts";
import type { Shadow } from "./shadow.ts";

/** Records that are read of the past. */
const PAST_RECORDS = 10_000;

/** Tells whether the configuration has come to ask for other shadows, or a pool of some has come to have a measured boot. */
export function isAnyShadowOpen(fleet: Fleet): boolean {
  const { settled } = fleet.shadows;
  const { pools } = fleet.deps.desired();
  for (const name of settled.keys()) if (!pools.some((pool) => pool.name === name)) return true;
  return pools.some((pool) => isOpen(fleet, pool));
}

const isOpen = ({ shadows, planners }: Fleet, { name, shadows: wished }: DesiredPool): boolean => {
  if (wished === shadows.settled.get(name)) return false;
  const hasBoots = planners.bootsOf(name).times.tookMs.length > 0;
  return hasBoots || shadows.bootless.get(name) !== wished;
};

/** Makes the shadows that the configuration asks for: from what was kept of them, or from what their pools are now; and lets the others go. */
export async function settleShadows(fleet: Fleet): Promise<void> {
  const { store, desired } = fleet.deps;
  const { settled, byPool, bootless, heard } = fleet.shadows;
  const forgotten: Change[] = [];
  // What is committed meanwhile is neither heard twice nor never.
  await fleet.decide(async () => {
    const { pools } = desired();
    for (const name of [...settled.keys()].filter((one) => !pools.some((pool) => pool.name === one))) {
      forgotten.push(...[...(byPool.get(name)?.keys() ?? [])].map((shadowName) => forget(name, shadowName)));
      byPool.delete(name);
      settled.delete(name);
      heard.delete(name);
    }
    const past = { leases: await store.recentLeases(PAST_RECORDS), machines: await store.recentMachines(PAST_RECORDS) };
    for (const pool of pools.filter((one) => isOpen(fleet, one))) {
      const { name, shadows = [] } = pool;
      const memories = await store.shadowMemories(name);
      keepBoots(fleet, name, memories);
      // Without a boot that was measured there is nothing to hold a shadow against.
      if (shadows.length > 0 && fleet.planners.bootsOf(name).times.tookMs.length === 0) {
        bootless.set(name, pool.shadows);
        continue;
      }
      const known = byPool.get(name) ?? new Map<string, Shadow>();
      stepPool(fleet, pool);
      byPool.set(
        name,
        new Map(shadows.map((wish) => [wish.name, shadowFor(fleet, pool, wish, known, memories, past)])),
      );
      for (const old of new Set([...known.keys(), ...memories.keys()]))
        if (!shadows.some((wish) => wish.name === old)) forgotten.push(forget(name, old));
      settled.set(name, pool.shadows);
    }
  });
  if (forgotten.length > 0) await store.commit(forgotten);
}

const forget = (poolName: string, shadowName: string): Change => ({ kind: "shadow-memory", poolName, shadowName });

interface Past {
  readonly leases: readonly Lease[];
  readonly machines: readonly Machine[];
}

function shadowFor(
  fleet: Fleet,
  pool: DesiredPool,
  wish: ShadowWish,
  known: ReadonlyMap<string, Shadow>,
  memories: ReadonlyMap<string, string>,
  { leases, machines }: Past,
): Shadow {
  const digest = digestOfWish(wish);
  const alive = known.get(wish.name);
  if (alive?.digest === digest) return alive;
  const now = fleet.deps.clock.now();
  const own = { leases: ofPool(leases, pool.name), machines: ofPool(machines, pool.name) };
  const text = alive === undefined ? memories.get(wish.name) : undefined;
  const memory = text === undefined ? undefined : shadowMemoryFrom(text, digest, now);
  const { logger } = fleet.deps;
  logger.info({ poolName: pool.name, shadow: wish.name, isKept: memory !== undefined }, "shadow begins");
  if (memory !== undefined && memory.problem === "") return shadowFromMemory(fleet, pool, wish, memory, own, now);
  const arrivals = own.leases.map(({ createdAt }) => createdAt);
  return beginShadow(
    fleet,
    pool,
    wish,
    arrivals.sort((a, b) => a - b),
    now,
  );
}

const ofPool = <Thing extends { readonly poolName: string }>(things: readonly Thing[], name: string): Thing[] =>
  things.filter(({ poolName }) => poolName === name);

/** Goes on from what was kept; what came after it was written is read up from the records. */
function shadowFromMemory(
  fleet: Fleet,
  pool: DesiredPool,
  wish: ShadowWish,
  memory: ShadowMemory,
  { leases, machines }: Past,
  now: EpochMs,
): Shadow {
  const { digest, startedAt, book, period, acting, totals, numbers, nextNumber, planner } = memory;
  const missed = heardSince(memory.at, leases);
  catchUpActing(acting, machines, leases, bootMsOf(fleet, pool.name), now);
  return {
    ...{ poolName: pool.name, wish, digest, startedAt, book, period, acting, totals, nextNumber, planner },
    ...{ numbers: new Map(numbers), missed, seenPool: undefined },
    ...{ why: "", schedules: createSchedules(), changesAt: book.at, savedAt: now, problem: "" },
  };
}

/** Boots that an earlier manager measured, where nothing else has kept them. */
function keepBoots({ planners }: Fleet, poolName: string, memories: ReadonlyMap<string, string>): void {
  for (const text of memories.values()) {
    if (planners.bootsOf(poolName).times.tookMs.length > 0) return;
    try {
      const { boots } = JSON.parse(text) as ShadowMemory;
      if (boots.times.tookMs.length > 0) planners.keepBoots(poolName, boots);
    } catch {
      // What cannot be read begins anew, and says so there.
    }
  }
}
