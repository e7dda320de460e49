import type { Check } from "../world/happening.ts";
import type { World } from "../world/world.ts";

/** The first third of I8: launches in flight never exceed max_growth_rate. */
export function createGrowthCheck(world: World): Check {
  return (happening) => {
    if (happening.what !== "commits") return undefined;
    const added = happening.changes.flatMap((change) => {
      if (change.kind === "machine-added") return [change.machine];
      return change.kind === "machine-moved" && change.from === "stopped" && change.machine.state === "starting"
        ? [change.machine]
        : [];
    });
    for (const { name, maxGrowthRate } of added.length === 0 ? [] : happening.desired.pools) {
      if (added.every(({ poolName }) => poolName !== name)) continue;
      const inFlight = [...world.truth.liveMachines.values(), ...added].filter(
        ({ poolName, state }) =>
          poolName === name && (state === "requested" || state === "booting" || state === "starting"),
      ).length;
      if (inFlight > maxGrowthRate)
        return `${inFlight} launches in flight in pool ${name}, its max_growth_rate is ${maxGrowthRate}`;
    }
    return undefined;
  };
}
