import type { EpochMs } from "../../domain/ids.ts";
import { countInFlight } from "../../planning/observed.ts";
import type { PoolInView } from "../../planning/observed.ts";
import type { Action } from "../../planning/plan.ts";
import type { Fleet } from "../fleet.ts";

/** Where one call launches several machines, a launch waits so long for others, in milliseconds: while jobs wait, and while none does. */
const WINDOW_MS = { jobs: 30, stock: 1_000 } as const;

/**
 * Holds launches back for a moment, so that those that are wished for shortly after one another go out together. What is held is
 * no more than the wish: the pass that finds the window over plans anew, and intends what it plans. Launches that nothing more
 * can join are not held: they fill a call, or all that the pool may have.
 * @returns the actions of this pass.
 */
export function withoutHeld(fleet: Fleet, views: readonly PoolInView[], actions: readonly Action[]): Action[] {
  const now = fleet.deps.clock.now();
  const before = new Map(fleet.heldLaunches);
  fleet.heldLaunches.clear();
  return actions.filter((action) => {
    if (action.kind !== "launch") return true;
    const view = views.find(({ desired }) => desired.name === action.poolName);
    if (view === undefined || isFull(fleet, view, action.count)) return true;
    const since = before.get(action.poolName) ?? now;
    if (endOf(view, since) <= now) return true;
    fleet.heldLaunches.set(action.poolName, since);
    return false;
  });
}

/** When the pass is due that launches what is held. */
export function heldUntil(fleet: Fleet, view: PoolInView): EpochMs {
  const since = fleet.heldLaunches.get(view.desired.name);
  return since === undefined ? Infinity : endOf(view, since);
}

const endOf = ({ observed }: PoolInView, since: EpochMs): EpochMs =>
  since + (observed.waitingLeases > 0 ? WINDOW_MS.jobs : WINDOW_MS.stock);

function isFull(fleet: Fleet, { desired, observed }: PoolInView, count: number): boolean {
  const most = fleet.deps.drivers.get(desired.shape.driver)?.together?.maxMachines ?? 1;
  const { machines } = observed;
  return (
    count >= most ||
    countInFlight(machines) + count >= desired.maxGrowthRate ||
    machines.length + count >= desired.maxMachines ||
    count >= observed.headroomOverall
  );
}
