import type { EpochMs } from "../domain/ids.ts";
import type { MachineIn } from "../domain/machine.ts";
import { leasableMachines, unmetDemand } from "./observed.ts";
import type { ObservedPool, PoolInView } from "./observed.ts";
import type { ActionOf } from "./plan.ts";
import { surplusCount } from "./retire.ts";

/**
 * Decides which idle machines give way when the limit over all pools keeps those who wait in another pool from a machine:
 * surplus ones first, then the longest idle. What is already ending counts as room to come.
 */
export function planEvictions(pools: readonly PoolInView[], now: EpochMs): ActionOf<"terminate">[] {
  const needy = pools.filter(({ desired, observed }) => unmetDemand(desired, observed, now) > 0);
  const unmet = needy.reduce((sum, { desired, observed }) => sum + unmetDemand(desired, observed, now), 0);
  if (unmet === 0) return [];
  const headroom = pools[0]?.observed.headroomOverall ?? 0;
  const ending = pools.reduce((sum, { observed }) => sum + endingCount(observed), 0);
  const names = needy.map(({ desired }) => desired.name).join(", ");
  return spareMachines(pools)
    .slice(0, Math.max(0, unmet - headroom - ending))
    .map((machine) => ({
      kind: "terminate",
      machineId: machine.id,
      reason: "surplus-idle",
      detail: `makes room under max_machines over all pools for who waits in ${names}`,
    }));
}

const endingCount = ({ machines }: ObservedPool): number =>
  machines.filter(({ state }) => state === "terminating").length;

/** Idle machines that nobody of their own pool waits for, the one that is missed the least first. */
function spareMachines(pools: readonly PoolInView[]): MachineIn<"idle">[] {
  return pools
    .flatMap(({ desired, observed }) => {
      const idle = leasableMachines(observed.machines);
      const surplus = surplusCount(desired, observed);
      const spare = idle.slice(0, Math.max(0, idle.length - observed.waitingLeases));
      return spare.map((machine, position) => ({ machine, isSurplus: position < surplus }));
    })
    .sort((a, b) => Number(b.isSurplus) - Number(a.isSurplus) || a.machine.idleSince - b.machine.idleSince)
    .map(({ machine }) => machine);
}
