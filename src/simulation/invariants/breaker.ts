import type { Check } from "../world/happening.ts";
import type { World } from "../world/world.ts";

const MINUTE_MS = 60_000;
/** So many interruptions within so long keep pools with a choice off the spot market for so long. As documented. */
const INTERRUPTIONS = 2;
const WITHIN_MS = 15 * MINUTE_MS;
const OPEN_MS = 30 * MINUTE_MS;
/** The manager may have learned of the second one earlier in another way, by its notice for instance. */
const EARLIER_MS = 5 * MINUTE_MS;
/** A launch that was under way may still be asked for until its deadline. */
const UNDER_WAY_MS = 130_000;

/** While a spot market takes back what it gave, as far as the manager was told, a pool with a choice asks it for nothing. */
export function createBreakerCheck(world: World): Check {
  const { clock } = world;
  let processNumber = 0;
  let lostAtMs = new Map<string, number>();
  let openedAtMs = -Infinity;

  const see = (sinceMs: ReadonlyMap<string, number>): void => {
    if (processNumber !== world.processCount) {
      processNumber = world.processCount;
      lostAtMs = new Map();
      openedAtMs = -Infinity;
    }
    const nowMs = clock.monotonic();
    for (const [id, atMs] of sinceMs) {
      if (lostAtMs.has(id)) continue;
      lostAtMs.set(id, atMs);
      const recent = [...lostAtMs.values()].filter((lostMs) => nowMs - lostMs < WITHIN_MS).length;
      if (recent >= INTERRUPTIONS) openedAtMs = nowMs;
    }
  };
  const hasChoice = (poolName: string): boolean => {
    const shape = world.day.pools.find(({ name }) => name === poolName)?.shape;
    return shape?.driver === "ec2" && shape.market === "spot-first";
  };

  return (happening) => {
    if (happening.what === "ec2-told-interruptions") see(happening.sinceMs);
    if (happening.what !== "ec2-called" || happening.spotPool === undefined) return undefined;
    if (processNumber !== world.processCount || !hasChoice(happening.spotPool)) return undefined;
    const sinceMs = clock.monotonic() - openedAtMs;
    return sinceMs > UNDER_WAY_MS && sinceMs < OPEN_MS - EARLIER_MS
      ? `pool ${happening.spotPool} asks the spot market ${Math.round(sinceMs / 1_000)} s after it took machines back`
      : undefined;
  };
}
