import { drawFor } from "../draw.ts";
import type { Day } from "./day.ts";

const PRELOAD_CHANCE = 0.2;

/** Earlier days are as they were before there were preloads: faults of the manager are known to show on them. */
const FIRST_SEED = 600;

/** Images that pools may wish for on their machines. */
const IMAGES = ["registry/base:1", "registry/tools:2", "registry/huge:3"] as const;
/** One that its registry does not have. */
const MISSING = "registry/missing:0";

/** How the registry of a day behaves that machines fetch images from. */
export interface RegistryHabits {
  /** What one image takes, least and most, in milliseconds. */
  readonly pullMs: readonly [number, number];
  /** How many of the pulls fail, 0-1. */
  readonly failedShare: number;
  /** Images that it does not have. */
  readonly missing: readonly string[];
}

/** Tells whether pools of a day wish for images on their machines. Its own draw: other days, the kept seeds among them, are as they were. */
export const hasPreloads = (seed: number): boolean =>
  seed >= FIRST_SEED && drawFor(seed, "preloads").chance(PRELOAD_CHANCE);

/** Gives pools of a day images that their machines fetch while they are idle. */
export function withPreloads(day: Day): Day {
  const draw = drawFor(day.seed, "preloaded images");
  const pools = day.pools.map((pool) => {
    const wished = IMAGES.filter(() => draw.chance(0.6));
    return { ...pool, preload: draw.chance(0.3) ? [MISSING, ...wished] : wished };
  });
  const registry = {
    // The longest are longer than the manager lets them take.
    pullMs: [2_000, draw.pick([20_000, 120_000, 600_000, 1_500_000])] as const,
    failedShare: draw.pick([0, 0.1, 0.5]),
    missing: [MISSING],
  };
  return { ...day, pools, registry };
}
