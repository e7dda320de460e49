import type { EpochMs } from "../domain/ids.ts";
import type { LiveMachine, RetireReason } from "../domain/machine.ts";
import { countByState, leasableMachines, startableMachines, supplyOf, unmetDemand } from "./observed.ts";
import type { ObservedPool, PoolInView } from "./observed.ts";
import type { ActionOf } from "./plan.ts";
import { outdatedIdle } from "./rollover.ts";
import { surplusCount } from "./retire.ts";

/**
 * Decides which machines give way when the limit over all pools keeps those who wait in another pool from a machine: stopped
 * ones first, then those of an old shape, then surplus idle ones, then the longest idle. What is already ending counts as room to come.
 */
export function planEvictions(pools: readonly PoolInView[], now: EpochMs): ActionOf<"terminate">[] {
  const needy = pools.filter(({ desired, observed }) => unmetDemand(desired, observed, now) > 0);
  const unmet = needy.reduce((sum, { desired, observed }) => sum + unmetDemand(desired, observed, now), 0);
  if (unmet === 0) return [];
  const headroom = pools[0]?.observed.headroomOverall ?? 0;
  const ending = pools.reduce((sum, { observed }) => sum + endingCount(observed), 0);
  const names = needy.map(({ desired }) => desired.name).join(", ");
  return [...spareStopped(pools), ...spareOutdated(pools), ...spareIdle(pools, now)]
    .slice(0, Math.max(0, unmet - headroom - ending))
    .map(({ machine, reason }) => ({
      kind: "terminate",
      machineId: machine.id,
      reason,
      detail: `makes room under max_machines over all pools for who waits in ${names}`,
    }));
}

const endingCount = ({ machines }: ObservedPool): number => countByState(machines).terminating;

interface Spare {
  readonly machine: LiveMachine;
  readonly reason: RetireReason;
}

/** Stopped machines that nobody of their own pool waits for. */
function spareStopped(pools: readonly PoolInView[]): Spare[] {
  return pools.flatMap(({ observed }) => {
    const stopped = startableMachines(observed.machines);
    const needed = stopped.length === 0 ? 0 : Math.max(0, observed.waitingLeases - supplyOf(observed.machines));
    return stopped
      .slice(0, Math.max(0, stopped.length - needed))
      .map((machine): Spare => ({ machine, reason: "surplus-stopped" }));
  });
}

/** Idle machines of a shape that their pool does not make any more: who waits in their own pool would have one by now. */
const spareOutdated = (pools: readonly PoolInView[]): Spare[] =>
  pools.flatMap(({ desired, observed }) =>
    outdatedIdle(desired, observed.machines).map((machine): Spare => ({ machine, reason: "pool-changed" })),
  );

/** Idle machines that nobody of their own pool waits for, the one that is missed the least first. */
function spareIdle(pools: readonly PoolInView[], now: EpochMs): Spare[] {
  return pools
    .flatMap(({ desired, observed }) => {
      const idle = leasableMachines(observed.machines);
      const surplus = surplusCount(desired, observed, now);
      const spare = idle.slice(0, Math.max(0, idle.length - observed.waitingLeases));
      return spare.map((machine, position) => ({ machine, isSurplus: position < surplus }));
    })
    .sort((a, b) => Number(b.isSurplus) - Number(a.isSurplus) || a.machine.idleSince - b.machine.idleSince)
    .map(({ machine }): Spare => ({ machine, reason: "surplus-idle" }));
}
