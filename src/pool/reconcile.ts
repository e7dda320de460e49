import type { DesiredPool } from "../domain/pool.ts";
import { planPool } from "../planning/plan.ts";
import type { Action } from "../planning/plan.ts";
import { explainPool, explainWait } from "../planning/why.ts";
import { assignWaiting } from "./claim.ts";
import { expireLeases } from "./expire.ts";
import { desiredPool } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";
import { launchMachines } from "./launch.ts";
import { observePool } from "./observe.ts";
import { poolKey } from "./state.ts";
import { retireMachine, retryTerminations } from "./terminate.ts";

/** One pass over all pools: observe, plan, apply. Idempotent; the loop runs one at a time. Answers what it decided. */
export async function reconcileFleet(fleet: Fleet): Promise<readonly Action[]> {
  await expireLeases(fleet);
  await fleet.decide(() => assignWaiting(fleet));
  retryTerminations(fleet);
  const actions: Action[] = [];
  for (const pool of fleet.deps.desired().pools) actions.push(...(await reconcilePool(fleet, pool)));
  await retireOrphans(fleet);
  explainPools(fleet);
  return actions;
}

async function reconcilePool(fleet: Fleet, pool: DesiredPool): Promise<readonly Action[]> {
  const planned = await fleet.decide(async () => {
    const actions = planPool(pool, observePool(fleet, pool), fleet.deps.clock.now());
    // The intent to launch is written in the same breath as the plan: two plans never count the same headroom.
    for (const action of actions) if (action.kind === "launch") await launchMachines(fleet, pool, action.count);
    return actions;
  });
  for (const action of planned) {
    if (action.kind === "terminate") await retireMachine(fleet, action.machineId, action.reason, action.detail);
  }
  if (planned.length > 0) fleet.deps.logger.debug({ poolName: pool.name, actions: planned }, "planned");
  return planned;
}

/** Retires machines whose pool is no longer wished for; a leased one keeps its job. */
async function retireOrphans(fleet: Fleet): Promise<void> {
  for (const machine of fleet.state.machines()) {
    const isOwned = desiredPool(fleet, machine.poolName) !== undefined;
    if (!isOwned && machine.state !== "leased") {
      await retireMachine(fleet, machine.id, "pool-removed", `pool ${machine.poolName} is not in the configuration`);
    }
  }
}

function explainPools(fleet: Fleet): void {
  const now = fleet.deps.clock.now();
  for (const pool of fleet.deps.desired().pools) {
    const observed = observePool(fleet, pool);
    const notes = fleet.state.notes(pool.name);
    notes.why = explainPool(pool, observed, now);
    const waitWhy = explainWait(pool, observed, now);
    if (waitWhy === notes.waitWhy) continue;
    notes.waitWhy = waitWhy;
    fleet.changes.notify(poolKey(pool.name));
  }
}
