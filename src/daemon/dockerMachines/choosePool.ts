import { ConfigError } from "../../domain/errors.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import type { PoolWish } from "../../ports/dockerMachines.ts";

/**
 * Chooses the pool that a machine comes from: the one that is named, else the only one, else the only one that fits what the
 * options of the amazonec2 driver say. @throws ConfigError `unknown-pool`, `pool-not-chosen`.
 */
export function choosePool(pools: readonly DesiredPool[], wish: PoolWish): DesiredPool {
  if (wish.poolName !== undefined) return named(pools, wish.poolName);
  const [only, ...others] = pools;
  if (only !== undefined && others.length === 0) return only;
  const fitting = wish.ec2 === undefined ? [] : pools.filter((pool) => fits(pool, wish.ec2 ?? {}));
  const [first, ...more] = fitting;
  if (first !== undefined && more.length === 0) return first;
  const how = "choose one with --mayfly-pool=NAME or MAYFLY_POOL";
  const what =
    wish.ec2 === undefined
      ? `there are several pools (${namesOf(pools)})`
      : fitting.length === 0
        ? `no pool fits the options of amazonec2, of ${namesOf(pools)}`
        : `several pools fit the options of amazonec2 (${namesOf(fitting)})`;
  throw new ConfigError([{ place: "pool", message: `${what}; ${how}` }], "pool-not-chosen");
}

function named(pools: readonly DesiredPool[], name: string): DesiredPool {
  const pool = pools.find((one) => one.name === name);
  if (pool !== undefined) return pool;
  const message = `there is no pool "${name}"; there is: ${namesOf(pools)}`;
  throw new ConfigError([{ place: "pool", message }], "unknown-pool");
}

/** What an option does not say fits all. */
function fits({ shape }: DesiredPool, { region, instanceType, ami }: NonNullable<PoolWish["ec2"]>): boolean {
  if (shape.driver !== "ec2") return false;
  return (
    (region === undefined || region === shape.region) &&
    (instanceType === undefined || shape.instanceTypes.includes(instanceType)) &&
    (ami === undefined || ami === shape.ami)
  );
}

const namesOf = (pools: readonly DesiredPool[]): string => pools.map(({ name }) => name).join(", ");
