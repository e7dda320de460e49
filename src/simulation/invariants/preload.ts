import type { LeaseId, MachineId } from "../../domain/ids.ts";
import type { FaultKind } from "../faults/kinds.ts";
import type { Check } from "../world/happening.ts";
import type { World } from "../world/world.ts";

const MINUTE_MS = 60_000;
/** What may keep an idle machine from being leased beside what it fetches. */
const IN_THE_WAY: readonly FaultKind[] = ["partition", "channel-cut", "engine-dead", "spot-notice"];

interface Fetch {
  readonly image: string;
  readonly signal: AbortSignal;
  readonly beganAtMs: number;
}

/**
 * A machine fetches images one at a time, while it is idle and no longer; and what it fetches keeps nobody from it. That one which
 * could not fetch an image stays as fit as it was is a part of I7.
 */
export function createPreloadCheck(world: World): Check {
  const { truth, clock, faults } = world;
  const fetching = new Map<MachineId, Fetch>();
  /** Minutes in a row in which something was so that may be so for a moment, by what it is about. */
  let seen = new Map<string, number>();
  let processNumber = 0;

  const begin = (id: MachineId, image: string, signal: AbortSignal): string | undefined => {
    const other = fetching.get(id);
    fetching.set(id, { image, signal, beganAtMs: clock.monotonic() });
    if (other !== undefined && !other.signal.aborted)
      return `${id} fetches ${image} while it still fetches ${other.image}`;
    const state = truth.machine(id).record?.state;
    return state === "idle" ? undefined : `${id} begins to fetch ${image} though it is ${state}`;
  };

  const complaints = function* (): Generator<readonly [key: string, text: string]> {
    const nowMs = clock.monotonic();
    for (const [id, { image, signal, beganAtMs }] of fetching) {
      const { record, touches } = truth.machine(id);
      if (record === undefined) continue;
      if (record.state !== "idle") {
        if (!signal.aborted) yield [id, `${id} is ${record.state}, and still fetches ${image}`];
        continue;
      }
      const isHindered = record.isCordoned || IN_THE_WAY.some((kind) => touches.has(kind));
      if (isHindered || beganAtMs > nowMs - MINUTE_MS || !isServing(world, record.poolName)) continue;
      const waiting = waitingIn(world, record.poolName);
      if (waiting !== undefined)
        yield [`${waiting} ${id}`, `${waiting} waits though ${id} is idle: it fetches ${image}`];
    }
  };

  return (happening) => {
    if (processNumber !== world.processCount) {
      processNumber = world.processCount;
      fetching.clear();
    }
    switch (happening.what) {
      case "fetch-began":
        return begin(happening.machineId, happening.image, happening.signal);
      case "fetch-ended":
        if (fetching.get(happening.machineId)?.signal === happening.signal) fetching.delete(happening.machineId);
        return undefined;
      case "minute": {
        const before = seen;
        seen = new Map();
        const isAwake = (world.process?.awakeSinceMs() ?? Infinity) <= clock.monotonic() - 2 * MINUTE_MS;
        if (!isAwake || faults.isAny(["disk-full", "disk-slow"])) return undefined;
        for (const [key, text] of complaints()) {
          const minutes = (before.get(key) ?? 0) + 1;
          if (minutes > 1) return text;
          seen.set(key, minutes);
        }
        return undefined;
      }
      default:
        return undefined;
    }
  };
}

const isServing = ({ manager, desired }: World, poolName: string): boolean =>
  manager?.fleet.state.mode(poolName) === "open" && desired.pools.some(({ name }) => name === poolName);

function waitingIn({ truth }: World, poolName: string): LeaseId | undefined {
  for (const [id, lease] of truth.openLeases) if (lease.poolName === poolName && lease.state === "waiting") return id;
  return undefined;
}
