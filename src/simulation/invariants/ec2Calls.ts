import { ACCOUNT_LIMITS } from "../ec2/limits.ts";
import type { Check } from "../world/happening.ts";
import type { World } from "../world/world.ts";

/** I8 in an account of EC2: the calls of one manager never pass the bucket of their action, whatever else the account does. */
export function createEc2CallsCheck(world: World): Check {
  const buckets = new Map<string, { readonly processNumber: number; readonly tokens: number; readonly atMs: number }>();
  return (happening) => {
    if (happening.what !== "ec2-called") return undefined;
    const { action } = happening;
    const limit = ACCOUNT_LIMITS[action];
    if (limit === undefined) return `${action} is called, for which nothing tells how often it may be`;
    const { burst, perSecond } = limit;
    const nowMs = world.clock.monotonic();
    const processNumber = world.processCount;
    const last = buckets.get(action);
    const tokens =
      last?.processNumber === processNumber
        ? Math.min(burst, last.tokens + ((nowMs - last.atMs) / 1_000) * perSecond)
        : burst;
    buckets.set(action, { processNumber, tokens: tokens - 1, atMs: nowMs });
    return tokens < 1
      ? `${action} was called with ${tokens.toFixed(2)} tokens of the account's bucket left`
      : undefined;
  };
}
