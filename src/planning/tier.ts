import type { EpochMs } from "../domain/ids.ts";
import type { LiveMachine, MachineIn } from "../domain/machine.ts";
import type { DesiredPool } from "../domain/pool.ts";
import {
  budgetRoom,
  canStart,
  countByState,
  countInFlight,
  leasableMachines,
  startableMachines,
  supplyOf,
} from "./observed.ts";
import type { ObservedPool } from "./observed.ts";
import type { ActionOf } from "./plan.ts";

/** What it takes for the tier of stopped machines, beside what ends there (see retire.ts). */
type TierAction = ActionOf<"stop"> | ActionOf<"terminate">;

/**
 * Machines that are to be stopped yet; none while the pool may stop none. They are made beside those for the idle count.
 * @param starts of stopped machines that are planned beside, whose places are to be filled
 */
export function tierDeficit(desired: DesiredPool, observed: ObservedPool, now: EpochMs, starts = 0): number {
  const { tier, mode, storeProblem, machines } = observed;
  if (tier === undefined || mode !== "open" || storeProblem !== "" || now < tier.stopsPausedUntil) return 0;
  const { stopped, stopping } = countByState(machines);
  return Math.max(0, (desired.stoppedCount ?? 0) - (stopped - starts) - stopping);
}

/**
 * Decides which of some idle machines are stopped: those that are ready beyond who waits and the idle count, the youngest first,
 * since they have the longest life before them. One that is not made as the pool would make it now ends instead.
 */
export function planStops(
  desired: DesiredPool,
  observed: ObservedPool,
  machines: readonly LiveMachine[],
  now: EpochMs,
): TierAction[] {
  const deficit = tierDeficit(desired, observed, now);
  if (deficit === 0) return [];
  const idle = leasableMachines(machines);
  const spare = Math.min(deficit, idle.length - desired.idleCount - observed.waitingLeases);
  if (spare <= 0) return [];
  return idle.slice(-spare).map((machine): TierAction => {
    const machineId = machine.id;
    const detail = `${deficit} of stopped_count ${desired.stoppedCount} to be filled, and idle_count ${desired.idleCount} is met without it`;
    if (machine.recipe === observed.tier?.recipe) return { kind: "stop", machineId, detail };
    return { kind: "terminate", machineId, reason: "pool-changed", detail: OLD_RECIPE };
  });
}

/** Decides which of some stopped machines are started: as many as would else be launched, the longest stopped first. */
export function planStarts(
  desired: DesiredPool,
  observed: ObservedPool,
  machines: readonly LiveMachine[],
  now: EpochMs,
): ActionOf<"start">[] {
  if (observed.storeProblem !== "" || !canStart(observed, now)) return [];
  const wanted = observed.waitingLeases + desired.idleCount - supplyOf(observed.machines);
  const growing = desired.maxGrowthRate - countInFlight(observed.machines);
  return startableMachines(machines)
    .slice(0, Math.max(0, Math.min(wanted, growing, budgetRoom(observed))))
    .map(({ id }) => ({ kind: "start", machineId: id, detail: whyStart(desired, observed) }));
}

function whyStart({ idleCount }: DesiredPool, { waitingLeases, machines }: ObservedPool): string {
  const forIdle = `${leasableMachines(machines).length} of idle_count ${idleCount} ready`;
  return waitingLeases > 0 ? `${waitingLeases} waiting for a machine, ${forIdle}` : forIdle;
}

/** Decides which stopped machines end: those that the pool would make otherwise now, and those beyond its wish, the oldest first. */
export function planTierEnds(
  desired: DesiredPool,
  observed: ObservedPool,
  machines: readonly LiveMachine[],
): ActionOf<"terminate">[] {
  if (countByState(machines).stopped === 0) return [];
  const stopped = machines.filter((machine): machine is MachineIn<"stopped"> => machine.state === "stopped");
  const old = stopped.filter(({ recipe }) => recipe !== observed.tier?.recipe);
  const others = stopped.filter((machine) => !old.includes(machine));
  const wish = desired.stoppedCount ?? 0;
  const surplus = others.slice(0, Math.max(0, others.length - wish));
  return [
    ...old.map(({ id }) => terminate(id, "pool-changed", OLD_RECIPE)),
    ...surplus.map(({ id }) => terminate(id, "surplus-stopped", `${others.length} stopped, stopped_count is ${wish}`)),
  ];
}

const OLD_RECIPE = "it was made by other settings, or by another mayfly, than its pool has now";

const terminate = (
  machineId: LiveMachine["id"],
  reason: ActionOf<"terminate">["reason"],
  detail: string,
): ActionOf<"terminate"> => ({ kind: "terminate", machineId, reason, detail });
