import type { Clock } from "../../ports/clock.ts";
import { ACCOUNT_LIMITS } from "./limits.ts";

/** Creates the full token buckets of an account. Answers how to draw from one: false when it is empty. */
export function createBuckets(clock: Pick<Clock, "monotonic">): (action: string) => boolean {
  const buckets = new Map<string, { readonly tokens: number; readonly atMs: number }>();
  return (action) => {
    const limit = ACCOUNT_LIMITS[action];
    if (limit === undefined) return true;
    const nowMs = clock.monotonic();
    const last = buckets.get(action) ?? { tokens: limit.burst, atMs: nowMs };
    const tokens = Math.min(limit.burst, last.tokens + ((nowMs - last.atMs) / 1_000) * limit.perSecond);
    const isTaken = tokens >= 1;
    buckets.set(action, { tokens: isTaken ? tokens - 1 : tokens, atMs: nowMs });
    return isTaken;
  };
}
