import type { Check } from "../world/happening.ts";
import type { World } from "../world/world.ts";

/** For so long a manager may remember that a market had nothing: its longest cool-down, and the longest launch. */
const REMEMBERED_MS = 180_000 + 120_000;

/** A pool that takes spot machines first takes on-demand ones when the spot market has nothing. */
export function createFallbackCheck(world: World): Check {
  const { clock } = world;
  let onDemandEmptyAtMs = -Infinity;
  return (happening) => {
    switch (happening.what) {
      case "ec2-had-no-room":
        if (happening.market === "on-demand") onDemandEmptyAtMs = clock.monotonic();
        return undefined;
      case "commits":
        for (const change of happening.changes) {
          if (change.kind !== "machine-moved" || change.machine.state !== "terminating") continue;
          const { id, poolName, reason, detail } = change.machine;
          if (reason !== "launch-failed" || !detail.startsWith("no room for one more machine")) continue;
          const shape = world.day.pools.find(({ name }) => name === poolName)?.shape;
          const mayFallBack = shape?.driver === "ec2" && shape.market === "spot-first";
          if (mayFallBack && clock.monotonic() - onDemandEmptyAtMs > REMEMBERED_MS)
            return `${id} was not launched (${detail}), and there were on-demand machines`;
        }
        return undefined;
      default:
        return undefined;
    }
  };
}
