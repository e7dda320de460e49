import type { LeaseId } from "../../../src/domain/ids.ts";
import type { DesiredPool } from "../../../src/domain/pool.ts";
import type { Manager } from "../../../src/ports/manager.ts";
import { pool } from "../../support/pools.ts";

/** Machines of all pools together: those that hold a job, those that boot in the place of used ones, and idle ones. */
export const MACHINES = 10_000;
export const LEASES_A_SECOND = 100;
export const BOOT_MS = 10_000;
const EVERY_MS = 1_000 / LEASES_A_SECOND;
const MAX_BURST_MS = 500;
const MAX_OPEN = 200;
const LATER_MS = 100;
const HELD_MS = 40_000;
const TTL_MS = 600_000;
const POOLS = 100;
const IDLE_COUNT = (MACHINES - (LEASES_A_SECOND * HELD_MS) / 1_000) / POOLS;

/** Pools that keep all machines idle or booting that no lease holds; every second one has a target, too. */
export const crowdedPools = (): DesiredPool[] =>
  Array.from({ length: POOLS }, (_, n) => {
    const settings = { name: `pool-${n}`, idleCount: IDLE_COUNT, maxMachines: MACHINES, maxGrowthRate: MACHINES };
    const target = { target: { waitMs: 1_000, share: 0.95 }, idleCountMin: IDLE_COUNT, idleCountMax: IDLE_COUNT };
    return pool({ ...settings, ...(n % 2 === 0 && target) });
  });

/**
 * Asks for leases at the rate, or as fast as the host bears it, until the signal aborts, and gives each back when it was held for its
 * time. @throws what the manager throws.
 */
export async function loadManager(manager: Manager, signal: AbortSignal): Promise<{ readonly held: number }> {
  const timers = new Set<NodeJS.Timeout>();
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => undefined);
  let [asked, held, open] = [0, 0, 0];
  const after = (ms: number, run: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, ms);
    timers.add(timer);
  };
  // More at once would stand before the manager's door, and be turned away.
  const within = (call: () => Promise<void>): void => {
    open += 1;
    call()
      .catch((error: unknown) => signal.aborted || failure.reject(error))
      .finally(() => {
        open -= 1;
      });
  };
  const release = (id: LeaseId): void => {
    if (open >= MAX_OPEN) after(LATER_MS, () => release(id));
    else within(async () => void (await manager.releaseLease(id)));
  };
  const hold = async (poolName: string): Promise<void> => {
    let view = await manager.acquireLease({ poolName, holder: "bench", ttlMs: TTL_MS });
    while (view.lease.state === "waiting") view = await manager.awaitLease(view.lease.id, 30_000, view.why, signal);
    held += 1;
    const { id } = view.lease;
    after(HELD_MS, () => release(id));
  };
  const ended = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  let nextAt = performance.now();
  const ask = setInterval(() => {
    // What a standstill of this process kept back is not made up for in one burst.
    for (nextAt = Math.max(nextAt, performance.now() - MAX_BURST_MS); nextAt <= performance.now(); nextAt += EVERY_MS)
      if (open < MAX_OPEN) within(() => hold(`pool-${asked++ % POOLS}`));
  }, EVERY_MS / 2);
  try {
    await Promise.race([ended, failure.promise]);
    return { held };
  } finally {
    clearInterval(ask);
    for (const timer of timers) clearTimeout(timer);
  }
}
