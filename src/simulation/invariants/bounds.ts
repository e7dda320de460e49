import type { DesiredPool } from "../../domain/pool.ts";
import type { DesiredFleet } from "../../pool/fleet.ts";
import type { Check } from "../world/happening.ts";
import type { FaultKind } from "../faults/kinds.ts";
import type { ProviderInstance } from "../provider.ts";
import { isAlive } from "../world/truth.ts";
import type { World } from "../world/world.ts";

const DENIED: FaultKind = "terminate-not-found";

/** I4: max_machines, per pool and over all, is never passed by a launch, machines in every state counted. */
export function createBoundsCheck(world: World): Check {
  const { truth } = world;
  // An instance that its provider denied is nobody's until lists show it.
  const counts = (one: ProviderInstance): boolean =>
    isAlive(one) && (truth.liveMachines.has(one.machineId) || !truth.machine(one.machineId).touches.has(DENIED));
  const poolOf = ({ pools }: DesiredFleet, name: string): DesiredPool | undefined =>
    pools.find((pool) => pool.name === name);

  /** What each launch was decided under: the wish may change between its decision and its effect. */
  const decidedUnder = new Map<string, number>();

  return (happening) => {
    switch (happening.what) {
      case "commits": {
        const { changes, desired } = happening;
        const added = changes.filter((change) => change.kind === "machine-added").map(({ machine }) => machine);
        for (const { id, poolName } of added) decidedUnder.set(id, poolOf(desired, poolName)?.maxMachines ?? 0);
        for (const name of new Set(added.map(({ poolName }) => poolName))) {
          const pool = poolOf(desired, name);
          if (pool === undefined) return `a machine is launched in pool ${name}, which nobody wishes for`;
          const all = [...truth.liveMachines.values(), ...added];
          const ours = all.filter(({ poolName }) => poolName === name);
          if (all.length > desired.maxMachines)
            return `${all.length} machines over all, max_machines is ${desired.maxMachines}`;
          if (ours.length > pool.maxMachines)
            return `${ours.length} machines in pool ${name}, its max_machines is ${pool.maxMachines}`;
        }
        return undefined;
      }
      case "launched": {
        const { poolName, machineId } = happening.instance;
        const pool = world.day.pools.find(({ name }) => name === poolName);
        const wishes = [pool?.maxMachines, poolOf(world.desired, poolName)?.maxMachines, decidedUnder.get(machineId)];
        const most = Math.max(...wishes.map((wish) => wish ?? 0));
        const there = world.provider.instances().filter((one) => one.poolName === poolName && counts(one)).length;
        // An instance whose launch had its effect after all lists had been without it is found and reaped, not counted.
        const isUnforeseen = world.truth.machine(machineId).touches.has("launch-effect-late");
        if (there > most && !isUnforeseen && !world.hasStrays)
          return `${there} instances of pool ${poolName} are there, its max_machines is ${most}`;
        return undefined;
      }
      default:
        return undefined;
    }
  };
}
