import type { EpochMs, MachineId } from "../../domain/ids.ts";
import type { Machine } from "../../domain/machine.ts";
import type { Change } from "../../ports/store.ts";
import type { Check } from "../world/happening.ts";
import type { World } from "../world/world.ts";
import { createRuns } from "./runs.ts";
import type { Runs } from "./runs.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * I10: no launch, and no start of a stopped machine, is decided in a pool whose machines have cost as much since midnight as its
 * budget for the day is. Disks of stopped machines are free in the days that are lived through.
 */
export function createBudgetCheck(world: World): Check {
  const runs = createRuns(world);
  // A host whose clock has jumped has its midnights elsewhere.
  let hasJumped = false;

  return (happening) => {
    hasJumped ||= world.jumpedMs !== 0;
    const text = happening.what === "commits" && !hasJumped ? overspent(world, runs, happening) : undefined;
    runs.see(happening);
    return text;
  };
}

function overspent(
  world: World,
  runs: Runs,
  { changes, desired }: Extract<Parameters<Check>[0], { readonly what: "commits" }>,
): string | undefined {
  for (const change of changes) {
    const [machine, verb, at] = beginning(change) ?? [];
    if (machine === undefined || verb === undefined || at === undefined) continue;
    const { budgetUsdPerDay, cost } = desired.pools.find(({ name }) => name === machine.poolName) ?? {};
    if (budgetUsdPerDay === undefined) continue;
    const ranMs = ranIn(world, runs, machine.poolName, Math.floor(at / DAY_MS) * DAY_MS, at);
    const spent = (ranMs / HOUR_MS) * (cost?.usdPerHour ?? 0);
    if (spent > budgetUsdPerDay)
      return `machine ${machine.id} is ${verb} in pool ${machine.poolName}, which has spent ${spent} of ${budgetUsdPerDay} today`;
  }
  return undefined;
}

/** A machine that begins to cost by a change, how, and when that was decided. */
function beginning(change: Change): readonly [machine: Machine, verb: string, at: EpochMs] | undefined {
  if (change.kind === "machine-added") return [change.machine, "launched", change.machine.requestedAt];
  if (change.kind !== "machine-moved" || change.machine.state !== "starting" || change.from !== "stopped")
    return undefined;
  return [change.machine, "started", change.machine.startingSince];
}

/** How long the machines of a pool ran between two instants, in milliseconds. */
function ranIn({ truth }: World, runs: Runs, poolName: string, from: EpochMs, to: EpochMs): number {
  const ids: MachineId[] = [];
  for (const { id, record } of truth.machines.values()) if (record?.poolName === poolName) ids.push(id);
  return ids.reduce((sum, id) => sum + runs.ranMs(id, from, to), 0);
}
