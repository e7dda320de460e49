import type { Check } from "../world/happening.ts";
import type { World } from "../world/world.ts";

const MINUTE_MS = 60_000;
/** How long refusals may last before launches must have slowed down to a trickle. */
const SLOWDOWN_MS = 3 * MINUTE_MS;
/** A pool that asks for nothing for so long has stopped asking. */
const LULL_MS = 3 * MINUTE_MS;
/** Launch calls of one pool a minute, under a lack that lasts. */
const TRICKLE_PER_MINUTE = 4;

/** The rest of I8: provider calls never pass their budget, and a lack of capacity that lasts causes no storm. */
export function createRatesCheck(world: World): Check {
  const { clock, truth } = world;
  const { callBudget } = world.day.provider;
  let bucket = { processNumber: 0, tokens: 0, atMs: 0 };
  const refusedSince = new Map<string, number>();
  const launchesAtMs = new Map<string, number[]>();

  const spend = (): string | undefined => {
    if (callBudget === undefined) return undefined;
    const nowMs = clock.monotonic();
    const processNumber = world.processCount;
    const { burst, perSecond } = callBudget;
    const tokens =
      bucket.processNumber === processNumber
        ? Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) / 1_000) * perSecond)
        : burst;
    bucket = { processNumber, tokens: tokens - 1, atMs: nowMs };
    return tokens < 0.99 ? `a provider call came with ${tokens.toFixed(2)} tokens of the budget left` : undefined;
  };
  const countLaunch = (poolName: string): string | undefined => {
    const nowMs = clock.monotonic();
    const earlier = launchesAtMs.get(poolName) ?? [];
    // A pool that was cordoned, or wanted nothing, asks anew whether there is room: a lack that lasts is asked about once a minute.
    if (nowMs - (earlier.at(-1) ?? nowMs) > LULL_MS) refusedSince.delete(poolName);
    const recent = earlier.filter((atMs) => atMs > nowMs - MINUTE_MS);
    launchesAtMs.set(poolName, [...recent, nowMs]);
    const since = Math.max(refusedSince.get(poolName) ?? Infinity, world.process?.startedAtMs ?? 0);
    return nowMs - since > SLOWDOWN_MS && recent.length >= TRICKLE_PER_MINUTE
      ? `${recent.length + 1} launches of pool ${poolName} within a minute, though they have been refused for ${Math.round((nowMs - since) / 1_000)} s`
      : undefined;
  };

  return (happening) => {
    switch (happening.what) {
      case "called": {
        const poolName = truth.machine(happening.machineIds[0] ?? ("" as never)).record?.poolName ?? "";
        return spend() ?? (happening.verb === "launch" ? countLaunch(poolName) : undefined);
      }
      case "launched":
        refusedSince.delete(happening.instance.poolName);
        return undefined;
      case "commits":
        for (const change of happening.changes) {
          if (change.kind !== "machine-moved" || change.machine.state !== "terminating") continue;
          const { poolName, reason } = change.machine;
          if (reason === "launch-failed" && !refusedSince.has(poolName)) refusedSince.set(poolName, clock.monotonic());
        }
        return undefined;
      default:
        return undefined;
    }
  };
}
