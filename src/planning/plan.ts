import type { EpochMs, MachineId } from "../domain/ids.ts";
import type { RetireReason } from "../domain/machine.ts";
import type { DesiredPool } from "../domain/pool.ts";
import { countByState, launchRoom, supplyOf, unmetDemand } from "./observed.ts";
import type { ObservedPool } from "./observed.ts";
import { planRetirements } from "./retire.ts";

export interface ActionArgs {
  launch: { readonly poolName: string; readonly count: number };
  terminate: { readonly machineId: MachineId; readonly reason: RetireReason; readonly detail: string };
}
export type ActionOf<K extends keyof ActionArgs> = { [P in K]: { readonly kind: P } & ActionArgs[P] }[K];
/** A planned effect, as data. */
export type Action = ActionOf<keyof ActionArgs>;

/**
 * Decides the actions that move `observed` toward `desired`. Pure; an empty plan means converged.
 *
 * INVARIANTS
 * - Machines in every state count against maxMachines, so a plan never passes it.
 * - A leased machine is ended only when it has outlived the pool's jobTimeoutMs by far.
 */
export function planPool(desired: DesiredPool, observed: ObservedPool, now: EpochMs): Action[] {
  const retirements = planRetirements(desired, observed, now);
  const count = launchCount(desired, observed, now);
  return count > 0 ? [...retirements, { kind: "launch", poolName: desired.name, count }] : retirements;
}

function launchCount(desired: DesiredPool, observed: ObservedPool, now: EpochMs): number {
  if (observed.mode !== "open" || observed.storeProblem !== "" || now < observed.launchesPausedUntil) return 0;
  const room = Math.min(launchRoom(desired, observed).room, probeRoom(observed));
  const forWaiting = Math.min(room, unmetDemand(desired, observed, now));
  const wanted = observed.waitingLeases + desired.idleCount - supplyOf(observed.machines) - forWaiting;
  const idleRoom = Math.min(room, observed.headroomOverall - observed.reservedForOthers) - forWaiting;
  return forWaiting + Math.max(0, Math.min(wanted, idleRoom));
}

/** While launches are refused, one at a time asks whether they still are: a lack that lasts must not become a storm. */
const probeRoom = ({ launchProblem, machines }: ObservedPool): number =>
  launchProblem === "" ? Infinity : 1 - countByState(machines).requested;
