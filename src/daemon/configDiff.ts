import type { Config } from "../config/config.ts";
import { diffConfigs, fixedKeyOf } from "../config/diff.ts";
import { explainConfig } from "../config/parse.ts";
import type { Lease } from "../domain/lease.ts";
import type { Machine } from "../domain/machine.ts";
import type { DesiredPool } from "../domain/pool.ts";
import { effectOf, wishAt } from "../planning/change.ts";
import type { Fleet } from "../pool/fleet.ts";
import { budgetOf } from "../pool/spend.ts";
import { levelIf } from "../pool/target/whatIf.ts";
import type { ConfigDiff } from "../ports/manager.ts";
import type { LiveConfig } from "./liveConfig.ts";

/** Records that are read of the past. */
const PAST_RECORDS = 10_000;

/**
 * Tells what a file would change, and what that would do to the pools that it is about: to all of them where the limit over all
 * pools changes.
 * @param fileName how messages name the file.
 * @throws ConfigError with every problem of the text.
 */
export async function diffAgainst(live: LiveConfig, fleet: Fleet, text: string, fileName: string): Promise<ConfigDiff> {
  const before = live.current();
  const { config: after, entries } = explainConfig(text, fileName, before.stateDir);
  const changes = diffConfigs(live.entries(), entries);
  const { store } = fleet.deps;
  const past = { leases: await store.recentLeases(PAST_RECORDS), machines: await store.recentMachines(PAST_RECORDS) };
  const named = changes.flatMap(({ poolName }) => (poolName === undefined ? [] : [poolName]));
  const isOther = before.maxMachines !== after.maxMachines;
  const names = new Set(isOther ? [...named, ...after.pools.map(({ name }) => name)] : named);
  let headroom = Math.max(0, after.maxMachines - fleet.state.machineCount());
  const pools = [...names].map((name) => {
    const effect = poolEffect(before, after, fleet, name, past, headroom);
    headroom -= Math.min(headroom, effect.launched);
    return effect;
  });
  return {
    ...{ changes, needsRestart: changes.flatMap((change) => fixedKeyOf(change) ?? []), pools },
    overall: isOther
      ? { machines: fleet.state.machineCount(), before: before.maxMachines, after: after.maxMachines }
      : undefined,
  };
}

interface Past {
  readonly leases: readonly Lease[];
  readonly machines: readonly Machine[];
}

function poolEffect(
  before: Config,
  after: Config,
  fleet: Fleet,
  name: string,
  { leases, machines }: Past,
  headroom: number,
): ConfigDiff["pools"][number] {
  const now = fleet.wallClock.now();
  const [old, next] = [before, after].map(({ pools }) => pools.find((pool) => pool.name === name));
  const live = fleet.state.machines(name);
  const leased = live.filter(({ state }) => state === "leased").length;
  const budget = next && budgetOf(fleet, next, machines);
  const arrivals = leases.filter(({ poolName }) => poolName === name).map(({ createdAt }) => createdAt);
  const levelOf = (pool: DesiredPool | undefined): number | undefined =>
    pool && levelIf(fleet, wishAt(pool, now, leased), arrivals, budgetOf(fleet, pool, machines));
  const level = levelOf(next);
  const change = {
    ...{ before: old, after: next, machines: live, waitingLeases: fleet.state.waitingCount(name), level },
    mostLaunched: Math.min(headroom, budget?.room ?? Infinity),
  };
  return { ...effectOf(change, now), levelBefore: levelOf(old), levelAfter: level, budget: budget?.text };
}
