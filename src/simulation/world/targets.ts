import type { DesiredPool } from "../../domain/pool.ts";
import { drawFor } from "../draw.ts";
import type { Draw } from "../draw.ts";
import type { Day } from "./day.ts";

const TARGET_CHANCE = 0.2;

/** Earlier days are as they were before there were targets: faults of the manager are known to show on them. */
const FIRST_SEED = 41;

/** Tells whether pools of a day have targets and budgets. Its own draw: other days, the kept seeds among them, are as they were. */
export const hasTargets = (seed: number): boolean =>
  seed >= FIRST_SEED && drawFor(seed, "targets and budgets").chance(TARGET_CHANCE);

/** Gives most pools of a day a target, and some a budget. */
export function withTargets(day: Day): Day {
  const pools = day.pools.map((pool) => withTarget(pool, drawFor(day.seed, `target of ${pool.name}`)));
  // A target may ask for all that a pool may have: what is wished for in the end must be possible.
  const most = pools.reduce((sum, { maxMachines }) => sum + maxMachines, 0);
  return { ...day, pools, maxMachines: Math.max(day.maxMachines, most) };
}

function withTarget(pool: DesiredPool, draw: Draw): DesiredPool {
  const budgetUsdPerDay = draw.chance(0.4) ? draw.pick([0.5, 2, 5, 20]) : undefined;
  const priced = { ...pool, budgetUsdPerDay, cost: { usdPerHour: draw.pick([0.05, 0.2, 1]) } };
  if (!draw.chance(0.8)) return priced;
  const waitMs = draw.pick([0, 1_000, 5_000, 30_000, 600_000]);
  const room = pool.maxMachines - (pool.stoppedCount ?? 0);
  const bounds = draw.chance(0.3)
    ? { idleCountMin: draw.between(0, Math.min(2, room)), idleCountMax: draw.between(Math.min(2, room), room) }
    : { idleCountMin: undefined, idleCountMax: room };
  return {
    ...{ ...priced, ...bounds, idleCount: 0, idleScaleFactor: undefined, schedule: undefined },
    target: draw.chance(0.7)
      ? { waitMs, share: draw.pick([0.5, 0.8, 0.95, 0.99]) }
      : { waitMs, waitUsdPerMinute: draw.pick([0.001, 0.02, 1]) },
  };
}
