import { NotFoundError } from "../domain/errors.ts";
import type { PoolView } from "../ports/manager.ts";
import { countByState } from "../planning/observed.ts";
import { waitingOf } from "./claim.ts";
import { desiredPool, eventOf, nudge } from "./fleet.ts";
import type { Fleet } from "./fleet.ts";

/** Shows one pool. @throws NotFoundError when there is none of that name. */
export function viewPool(fleet: Fleet, name: string): PoolView {
  const desired = desiredPool(fleet, name);
  if (desired === undefined) throw new NotFoundError("unknown-pool", `there is no pool "${name}"`);
  const notes = fleet.state.notes(name);
  return {
    desired,
    isCordoned: notes.isCordoned,
    machines: countByState(fleet.state.machines(name)),
    waitingLeases: waitingOf(fleet, name).length,
    why: notes.why,
  };
}

/** Cordons, drains or resumes a pool. Idempotent. @throws NotFoundError when there is none of that name. */
export async function steerPool(fleet: Fleet, name: string, to: "cordoned" | "draining" | "open"): Promise<PoolView> {
  viewPool(fleet, name);
  Object.assign(fleet.state.notes(name), { isCordoned: to !== "open", isDraining: to === "draining" });
  await fleet.state.commit([eventOf(fleet, { poolName: name, what: `pool ${to}`, detail: "by the operator" })]);
  fleet.deps.logger.info({ poolName: name, to }, "steered pool");
  nudge(fleet);
  return viewPool(fleet, name);
}
