import type { EpochMs, MachineId } from "../domain/ids.ts";
import type { RetireReason } from "../domain/machine.ts";
import type { DesiredPool } from "../domain/pool.ts";
import { countByState, canStart, launchRoom, startableMachines, supplyOf, unmetDemand } from "./observed.ts";
import type { ObservedPool } from "./observed.ts";
import { planRetirements } from "./retire.ts";
import { planStarts, planStops, tierDeficit } from "./tier.ts";

export interface ActionArgs {
  launch: { readonly poolName: string; readonly count: number };
  stop: { readonly machineId: MachineId; readonly detail: string };
  start: { readonly machineId: MachineId; readonly detail: string };
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
 * - Who waits comes first, then the idle count, then the stopped machines; a stopped one is started before one is launched.
 */
export function planPool(desired: DesiredPool, observed: ObservedPool, now: EpochMs): Action[] {
  const retirements = planRetirements(desired, observed, now);
  const retired = new Set(retirements.map(({ machineId }) => machineId));
  const left = retired.size === 0 ? observed.machines : observed.machines.filter(({ id }) => !retired.has(id));
  const starts = planStarts(desired, observed, left, now);
  const actions = [...retirements, ...planStops(desired, observed, left, now), ...starts];
  const count = launchCount(desired, observed, starts.length, now);
  return count > 0 ? [...actions, { kind: "launch", poolName: desired.name, count }] : actions;
}

function launchCount(desired: DesiredPool, observed: ObservedPool, starts: number, now: EpochMs): number {
  if (observed.mode !== "open" || observed.storeProblem !== "" || now < observed.launchesPausedUntil) return 0;
  const room = Math.min(launchRoom(desired, observed, starts).room, probeRoom(observed));
  const forWaiting = Math.min(room, unmetDemand(desired, observed, now));
  const lacking = observed.waitingLeases + desired.idleCount - supplyOf(observed.machines);
  const startable = canStart(observed, now) ? startableMachines(observed.machines).length : 0;
  const fromTier = Math.max(0, Math.min(lacking, startable));
  const wanted = lacking - fromTier + tierDeficit(desired, observed, now, starts) - forWaiting;
  const idleRoom = Math.min(room, observed.headroomOverall - observed.reservedForOthers) - forWaiting;
  return forWaiting + Math.max(0, Math.min(wanted, idleRoom));
}

/** While launches are refused, one at a time asks whether they still are: a lack that lasts must not become a storm. */
const probeRoom = ({ launchProblem, machines }: ObservedPool): number =>
  launchProblem === "" ? Infinity : 1 - countByState(machines).requested;
