import type { EpochMs } from "../domain/ids.ts";
import type { Lease } from "../domain/lease.ts";
import type { LiveMachine, Machine } from "../domain/machine.ts";
import type { DesiredPool } from "../domain/pool.ts";
import { budgetLeft, costWithin, expectedUsdPerHour, meanJobMs, midnightBefore } from "../planning/cost/daySpend.ts";
import type { ObservedBudget } from "../planning/observed.ts";
import { bootMsOf } from "./target/boots.ts";
import type { Fleet } from "./fleet.ts";

/** Records that are read of the past when a pool comes to have a budget. */
const PAST_RECORDS = 10_000;

interface PoolSpend {
  /** What machines have cost that are gone, in US dollars, of the day that began at `midnight`. */
  endedUsd: number;
  midnight: EpochMs;
  /** Fading mean of how long leases were held; undefined until one was. */
  jobMs: number | undefined;
  /** Whether the past was read from the store. */
  isComplete: boolean;
}

/** What pools have spent today on machines that are gone, and how long their jobs are. */
export interface SpendBook {
  /** Takes note of a machine that left its lease, or is gone. */
  note(machine: Machine, before: LiveMachine | undefined, now: EpochMs): void;
  of(poolName: string, now: EpochMs): PoolSpend;
}

/**
 * Creates an empty book.
 * @param usdPerHourOf what a machine of a pool costs whose own price is not known.
 */
export function createSpendBook(usdPerHourOf: (poolName: string) => number): SpendBook {
  const pools = new Map<string, PoolSpend>();
  const of = (poolName: string, now: EpochMs): PoolSpend => {
    const midnight = midnightBefore(now);
    const known = pools.get(poolName) ?? { endedUsd: 0, midnight, jobMs: undefined, isComplete: false };
    if (known.midnight !== midnight) Object.assign(known, { endedUsd: 0, midnight });
    pools.set(poolName, known);
    return known;
  };
  return {
    of,
    note(machine, before, now) {
      const spend = of(machine.poolName, now);
      if (machine.state === "terminated")
        spend.endedUsd += costWithin(machine, spend.midnight, machine.terminatedAt, usdPerHourOf(machine.poolName));
      if (before?.state === "leased" && machine.state === "terminating") noteJob(spend, now - before.leasedAt);
    },
  };
}

function noteJob(spend: PoolSpend, heldMs: number): void {
  spend.jobMs = meanJobMs(spend.jobMs, heldMs);
}

const isOpen = ({ spend, deps }: Fleet, { name, budgetUsdPerDay }: DesiredPool): boolean =>
  budgetUsdPerDay !== undefined && !spend.of(name, deps.clock.now()).isComplete;

/** Tells whether a pool with a budget does not know yet what it spent today. */
export const isSpendOpen = (fleet: Fleet): boolean => fleet.deps.desired().pools.some((pool) => isOpen(fleet, pool));

/** Reads what pools with a budget spent today before this manager, or before they had one. */
export async function completeSpend(fleet: Fleet): Promise<void> {
  const { clock, store, desired } = fleet.deps;
  // No machine's end is written while the past is read, and none is counted twice.
  await fleet.decide(async () => {
    const [machines, leases] = [await store.recentMachines(PAST_RECORDS), await store.recentLeases(PAST_RECORDS)];
    for (const pool of desired().pools.filter((one) => isOpen(fleet, one))) {
      const { name } = pool;
      const usdPerHour = expectedUsdPerHour(pool, fleet.state.machines(name)) ?? 0;
      const spend = fleet.spend.of(name, clock.now());
      spend.endedUsd = endedTodayUsd(machines, name, spend.midnight, usdPerHour);
      for (const lease of leases.toReversed()) if (lease.poolName === name) noteLease(spend, lease);
      spend.isComplete = true;
    }
  });
}

/** What the machines of a pool have cost since midnight that are gone, in US dollars. @param usdPerHour stands in where no price was learnt */
const endedTodayUsd = (machines: readonly Machine[], name: string, midnight: EpochMs, usdPerHour: number): number =>
  machines.reduce((sum, one) => sum + (one.poolName === name ? endedCost(one, midnight, usdPerHour) : 0), 0);

/** What the budget of a pool that is not in force yet would leave now; undefined where it has none. @param machines that ended today among them */
export function budgetOf(fleet: Fleet, pool: DesiredPool, machines: readonly Machine[]): ObservedBudget | undefined {
  const now = fleet.deps.clock.now();
  const live = fleet.state.machines(pool.name);
  const usdPerHour = expectedUsdPerHour(pool, live) ?? 0;
  const ended = endedTodayUsd(machines, pool.name, midnightBefore(now), usdPerHour);
  const { jobMs = pool.jobTimeoutMs } = fleet.spend.of(pool.name, now);
  return budgetLeft(pool, live, ended, { bootMs: bootMsOf(fleet, pool.name), jobMs }, now);
}

const endedCost = (machine: Machine, midnight: EpochMs, usdPerHour: number): number =>
  machine.state === "terminated" ? costWithin(machine, midnight, machine.terminatedAt, usdPerHour) : 0;

function noteLease(spend: PoolSpend, lease: Lease): void {
  if (lease.state === "ended" && lease.heldSince !== undefined) noteJob(spend, lease.endedAt - lease.heldSince);
}

/** What the budget of a pool leaves now; undefined where it has none. */
export function observeBudget(fleet: Fleet, pool: DesiredPool): ObservedBudget | undefined {
  if (pool.budgetUsdPerDay === undefined) return undefined;
  const now = fleet.deps.clock.now();
  const { isComplete, endedUsd, jobMs = pool.jobTimeoutMs } = fleet.spend.of(pool.name, now);
  if (!isComplete) return { room: 0, text: "what was spent today is still to be read for budget_per_day" };
  const times = { bootMs: bootMsOf(fleet, pool.name), jobMs };
  return budgetLeft(pool, fleet.state.machines(pool.name), endedUsd, times, now);
}
