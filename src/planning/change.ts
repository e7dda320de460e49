import type { Offering } from "../domain/cost.ts";
import type { EpochMs } from "../domain/ids.ts";
import type { LiveMachine } from "../domain/machine.ts";
import type { DesiredPool } from "../domain/pool.ts";
import { priceFrom } from "./cost/price.ts";
import { isOutdated } from "./rollover.ts";
import { scheduleFrom } from "./schedule/section.ts";
import { wishNow } from "./schedule/wish.ts";

const HOUR_MS = 3_600_000;
const HOURS_A_DAY = 24;

/** What a change of the configuration does to one pool, as things are now. */
export interface PoolEffect {
  readonly poolName: string;
  /** Machines that will be launched for it, in the limits of the pool. */
  readonly launched: number;
  /** Machines that will end for it; surplus idle ones after idle_time. */
  readonly retired: number;
  /** Leased machines of a shape, or a pool, that is no more: they end with their leases. */
  readonly finishing: number;
  /** What the idle machines of a day cost, in US dollars, with as many leased as now. Absent where no price is known, and where a target chooses them. */
  readonly idleUsdPerDayBefore?: number | undefined;
  readonly idleUsdPerDayAfter?: number | undefined;
}

/** A pool as it is wished for, or was, with what is there. */
export interface PoolChange {
  /** Absent for one that is added. */
  readonly before?: DesiredPool | undefined;
  /** Absent for one that is removed. */
  readonly after?: DesiredPool | undefined;
  readonly machines: readonly LiveMachine[];
  readonly waitingLeases: number;
  /** What the target of `after` asks for now, where it has one. */
  readonly level?: number | undefined;
  /** Machines that may be launched before another limit than the pool's own is met: the budget's, or that over all pools. @default no limit */
  readonly mostLaunched?: number | undefined;
}

/** Tells what a change does to a pool. Pure. */
export function effectOf(change: PoolChange, now: EpochMs): PoolEffect {
  const { before, after, machines } = change;
  const poolName = (after ?? before)?.name ?? "";
  const leased = machines.filter(({ state }) => state === "leased");
  const rest = machines.filter(({ state }) => state !== "leased" && state !== "terminating");
  const cost = {
    idleUsdPerDayBefore: before === undefined ? undefined : idleUsdPerDay(before, leased.length, now),
    idleUsdPerDayAfter: after === undefined ? undefined : idleUsdPerDay(after, leased.length, now),
  };
  if (after === undefined) return { poolName, launched: 0, retired: rest.length, finishing: leased.length, ...cost };
  const old = rest.filter((machine) => isOutdated(after, machine));
  const fit = rest.length - old.length;
  const wish = wishAt(after, now, leased.length);
  const wanted = change.waitingLeases + (change.level ?? wish.idleCount) + (wish.stoppedCount ?? 0);
  const room = Math.max(0, Math.min(after.maxMachines - leased.length - fit, change.mostLaunched ?? Infinity));
  return {
    poolName,
    launched: Math.min(room, Math.max(0, wanted - fit)),
    retired: old.length + Math.max(0, fit - wanted),
    finishing: leased.filter((machine) => isOutdated(after, machine)).length,
    ...cost,
  };
}

/** What a pool wishes for at an instant, by its schedule. */
export const wishAt = (pool: DesiredPool, at: EpochMs, leased: number): DesiredPool => {
  const index = (pool.schedule ?? []).length === 0 ? undefined : scheduleFrom(pool.schedule ?? []).heldAt(at).index;
  return wishNow(pool, index === undefined ? undefined : pool.schedule?.[index], leased);
};

/** The mean over the next day, hour by hour, since schedules turn at hours mostly. */
function idleUsdPerDay(pool: DesiredPool, leased: number, now: EpochMs): number | undefined {
  if (pool.target !== undefined) return undefined;
  const price = priceFrom(pool, offeringOf(pool));
  if (price === undefined) return undefined;
  const { usdPerHour, diskUsdPerHour = 0 } = price;
  let usd = 0;
  for (let hour = 0; hour < HOURS_A_DAY; hour += 1) {
    const { idleCount, stoppedCount = 0 } = wishAt(pool, now + hour * HOUR_MS, leased);
    usd += idleCount * usdPerHour + stoppedCount * diskUsdPerHour;
  }
  return Math.round(usd * 1e4) / 1e4;
}

/** What EC2 sells may be any of the types; the first, on demand, stands for them all. */
function offeringOf({ shape }: DesiredPool): Offering | undefined {
  if (shape.driver !== "ec2") return undefined;
  return { instanceType: shape.instanceTypes[0] ?? "", region: shape.region, market: "on-demand" };
}
