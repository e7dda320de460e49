import type { DesiredPool } from "../../../src/domain/pool.ts";
import type { Manager } from "../../../src/ports/manager.ts";
import { pool } from "../../support/pools.ts";

/** Machines of all pools together: those that hold a job, those that boot in the place of used ones, and idle ones. */
export const MACHINES = 10_000;
export const LEASES_A_SECOND = 100;
export const BOOT_MS = 10_000;
const EVERY_MS = 1_000 / LEASES_A_SECOND;
const MAX_BURST_MS = 500;
const HELD_MS = 40_000;
const POOLS = 100;
const IDLE_COUNT = (MACHINES - (LEASES_A_SECOND * HELD_MS) / 1_000) / POOLS;

/** Pools that keep all machines idle or booting that no lease holds; every second one has a target, too. */
export const crowdedPools = (): DesiredPool[] =>
  Array.from({ length: POOLS }, (_, n) => {
    const settings = { name: `pool-${n}`, idleCount: IDLE_COUNT, maxMachines: MACHINES, maxGrowthRate: MACHINES };
    const target = { target: { waitMs: 1_000, share: 0.95 }, idleCountMin: IDLE_COUNT, idleCountMax: IDLE_COUNT };
    return pool({ ...settings, ...(n % 2 === 0 && target) });
  });

/** How a load went. */
export interface Load {
  readonly asked: number;
  readonly released: number;
  /** How long each lease took to be held, in milliseconds. */
  readonly tookMs: readonly number[];
}

/** Asks for leases at the rate until the signal aborts, and gives each back when it was held for its time. @throws what the manager throws. */
export async function loadManager(manager: Manager, signal: AbortSignal): Promise<Load> {
  const running = new Set<Promise<void>>();
  const tookMs: number[] = [];
  const failures: unknown[] = [];
  let [asked, released] = [0, 0];
  const hold = async (poolName: string): Promise<void> => {
    const askedAt = performance.now();
    let view = await manager.acquireLease({ poolName, holder: "bench", ttlMs: 120_000 });
    while (view.lease.state === "waiting") view = await manager.awaitLease(view.lease.id, 30_000, view.why, signal);
    tookMs.push(performance.now() - askedAt);
    await new Promise((resolve) => setTimeout(resolve, HELD_MS));
    await manager.releaseLease(view.lease.id);
    released += 1;
  };
  let nextAt = performance.now();
  while (!signal.aborted && failures.length === 0) {
    // What a standstill of this process kept back is not made up for in one burst.
    for (nextAt = Math.max(nextAt, performance.now() - MAX_BURST_MS); nextAt <= performance.now(); nextAt += EVERY_MS) {
      const one: Promise<void> = hold(`pool-${asked++ % POOLS}`)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => running.delete(one));
      running.add(one);
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS / 2));
  }
  if (failures.length > 0) throw failures[0];
  return { asked, released, tookMs };
}
