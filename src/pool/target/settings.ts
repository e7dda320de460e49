import type { EpochMs } from "../../domain/ids.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import type { LiveMachine } from "../../domain/machine.ts";
import { COLD_START } from "../../planning/capacity/target/decide.ts";
import type { TargetSettings } from "../../planning/capacity/target/decide.ts";
import { waitPriceOf } from "../../planning/capacity/target/price.ts";
import { HOUR_MS, MINUTE_MS } from "../../planning/capacity/target/state.ts";
import { expectedUsdPerHour } from "../../planning/cost/daySpend.ts";
import type { ObservedBudget } from "../../planning/observed.ts";
import { supplyOf } from "../../planning/observed.ts";
import type { PoolPlanner } from "./planner.ts";

/** The share that stands in where the price of waiting was given and that of machines is not known. */
const DEFAULT_SHARE = 0.95;
/** A lower level is taken when none higher was asked for during so long. */
const HOLD_MS = MINUTE_MS;
/** Windows are no shorter than this, however little more than the wait a boot takes. */
const MIN_WINDOW_MS = 1_000;

/** What is promised to jobs of a pool with a target. */
export const aimOf = ({ target }: DesiredPool): PoolPlanner["aim"] => ({
  waitMs: target?.waitMs ?? 0,
  share: target?.share ?? DEFAULT_SHARE,
});

/** How long before a job its machine must be ordered, in milliseconds, > 0. */
export const windowMsOf = ({ target }: DesiredPool, bootMs: number): number =>
  Math.max(MIN_WINDOW_MS, bootMs - (target?.waitMs ?? 0));

/** Until so many jobs were seen, or nearly as long as a day has shown that none come, one machine is kept. */
const COLD_JOBS = 10;
const COLD_MS = 20 * HOUR_MS;

/** What a level is decided by. @param pool with what its schedule says now. */
export function settingsOf(
  pool: DesiredPool,
  machines: readonly LiveMachine[],
  coldFloor: number,
  bootMs: number,
  budget: ObservedBudget | undefined,
): TargetSettings {
  const { idleCountMin = 0, idleCountMax, maxMachines } = pool;
  const most = Math.min(maxMachines, idleCountMax ?? maxMachines);
  const limit = { name: idleCountMax === undefined ? "max_machines" : "idle_count_max", level: most };
  // What is there is paid for: the budget takes nothing away, it only adds nothing.
  const affordable =
    budget === undefined || budget.room === Infinity
      ? []
      : [{ name: "budget_per_day", level: supplyOf(machines) + budget.room }];
  return {
    ...aimOf(pool),
    ...{ bootMs, holdMs: HOLD_MS, price: waitPriceOf(pool.target, expectedUsdPerHour(pool, machines), bootMs) },
    floor: floorOf(Math.min(idleCountMin, most), Math.min(coldFloor, most)),
    caps: [limit, ...affordable],
  };
}

/** Machines that are kept while too little is known to say that none are needed: 0 or 1. */
export const coldFloorOf = ({ state }: Pick<PoolPlanner, "state">, now: EpochMs): number =>
  state.jobsSeen < COLD_JOBS && now - state.startedAt < COLD_MS ? 1 : 0;

function floorOf(least: number, coldFloor: number): TargetSettings["floor"] {
  if (least >= coldFloor) return least > 0 ? { name: "idle_count_min", level: least } : undefined;
  return { name: COLD_START, level: coldFloor };
}
