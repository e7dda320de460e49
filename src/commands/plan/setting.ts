import { ConfigError } from "../../domain/errors.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import { limitsOf } from "../../planning/capacity/asked.ts";
import type { Limits } from "../../planning/capacity/trial.ts";
import { priceFrom } from "../../planning/cost/price.ts";
import type { CommandContext } from "../context.ts";
import { durationFrom } from "../options.ts";
import { countFrom, numberFrom, usage } from "./options.ts";
import type { PlanOptions } from "./options.ts";

/** What a config, where one counts, says for the replay. */
export interface PlanSetting {
  /** The pool that `config` means. @throws ConfigError when the config has several, and none was named. */
  readonly poolOf: () => DesiredPool;
  /** The pool, where one counts for all policies. */
  readonly pool: DesiredPool | undefined;
  readonly limits: Limits;
  readonly usdPerHour: number | undefined;
}

const DEFAULT_IDLE_TIME_MS = 20 * 60_000;

/** Finds the pool whose limits and price count, and what the options put in their place. @throws ConfigError */
export async function settingFrom(options: PlanOptions, context: CommandContext): Promise<PlanSetting> {
  const isPoolAsked =
    options.pool !== undefined || options.history || options.recommend || options.policy.includes("config");
  const pools = isPoolAsked === true ? (await context.loadConfig()).config.pools : [];
  const { idleTime, maxMachines, growth, price } = options;
  const usdAsked = price === undefined ? undefined : numberFrom("--price", price, 1000);
  const poolOf = (): DesiredPool => withPrice(choosePool(pools, options.pool), usdAsked);
  const pool = isPoolAsked === true ? poolOf() : undefined;
  const own = pool === undefined ? undefined : limitsOf(pool);
  return {
    poolOf,
    pool,
    limits: {
      idleTimeMs:
        idleTime === undefined ? (own?.idleTimeMs ?? DEFAULT_IDLE_TIME_MS) : durationFrom("--idle-time", idleTime),
      maxMachines:
        maxMachines === undefined ? (own?.maxMachines ?? Infinity) : countFrom("--max-machines", maxMachines, 1),
      maxGrowthRate: growth === undefined ? (own?.maxGrowthRate ?? Infinity) : countFrom("--growth", growth, 1),
    },
    usdPerHour: usdAsked ?? priceOf(pool),
  };
}

function choosePool(pools: readonly DesiredPool[], name: string | undefined): DesiredPool {
  const names = pools.map((pool) => pool.name).join(", ");
  const found = name === undefined && pools.length === 1 ? pools[0] : pools.find((pool) => pool.name === name);
  if (found !== undefined) return found;
  if (name === undefined) throw usage("--pool", `Expected one of the pools ${names}: the config has several`);
  throw new ConfigError([{ place: "--pool", message: `there is no pool "${name}"; there is: ${names}` }], "usage");
}

/** What a budget and a price of waiting are reckoned by, too. */
const withPrice = (pool: DesiredPool, usdPerHour: number | undefined): DesiredPool =>
  usdPerHour === undefined ? pool : { ...pool, cost: { ...pool.cost, usdPerHour, usdPerHourByType: {} } };

/** On-demand machines of the first type, where the config says nothing else: the dearest way to run the pool. */
function priceOf(pool: DesiredPool | undefined): number | undefined {
  if (pool === undefined) return undefined;
  const { shape } = pool;
  const offering =
    shape.driver === "ec2"
      ? { instanceType: shape.instanceTypes[0] ?? "", region: shape.region, market: "on-demand" as const }
      : undefined;
  const usdPerHour = priceFrom(pool, offering)?.usdPerHour;
  return usdPerHour === 0 ? undefined : usdPerHour;
}
