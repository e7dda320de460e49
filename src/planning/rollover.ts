import type { LiveMachine, MachineIn } from "../domain/machine.ts";
import type { DesiredPool } from "../domain/pool.ts";
import { shapeDigestOf } from "../domain/recipe.ts";
import { censusOf } from "./census.ts";
import { countInFlight, leasableMachines, supplyOf } from "./observed.ts";
import type { ObservedPool } from "./observed.ts";
import type { ActionOf } from "./plan.ts";

type Terminate = ActionOf<"terminate">;

/** Tells whether a machine is none that its pool would make now: the shape or the settings were changed since its launch. */
export const isOutdated = (desired: DesiredPool, { shapeDigest }: LiveMachine): boolean =>
  shapeDigest !== undefined && shapeDigest !== shapeDigestOf(desired);

/** Tells whether any of some machines is outdated. */
export function isAnyOutdated(desired: DesiredPool, machines: readonly LiveMachine[]): boolean {
  const { shapeDigests } = censusOf(machines);
  return shapeDigests.size > 1 || (shapeDigests.size === 1 && !shapeDigests.has(shapeDigestOf(desired)));
}

/** A machine that its pool would make otherwise now serves until another is ready, and counts for nothing: it shows as cordoned. */
export const withoutOutdated = (pool: DesiredPool, machines: readonly LiveMachine[]): readonly LiveMachine[] =>
  isAnyOutdated(pool, machines)
    ? machines.map((machine) => (isOutdated(pool, machine) ? { ...machine, isCordoned: true } : machine))
    : machines;

/** Idle machines that are outdated, the longest idle first. */
export const outdatedIdle = (desired: DesiredPool, machines: readonly LiveMachine[]): MachineIn<"idle">[] =>
  isAnyOutdated(desired, machines)
    ? machines
        .filter((machine): machine is MachineIn<"idle"> => machine.state === "idle" && isOutdated(desired, machine))
        .sort((a, b) => a.idleSince - b.idleSince)
    : [];

/**
 * Decides which machines give way to others of the pool's present shape. Those that do not serve yet go at once, an idle one when
 * another is ready in its place, or when the limits leave no room for another beside it. Leased ones end with their leases.
 * @param machines those that do not end for another reason
 */
export function planRollover(
  desired: DesiredPool,
  observed: ObservedPool,
  machines: readonly LiveMachine[],
): Terminate[] {
  if (!isAnyOutdated(desired, machines)) return [];
  const unready = machines.filter((machine) => isUnready(machine) && isOutdated(desired, machine));
  const idle = outdatedIdle(desired, machines);
  const ending = idle.length === 0 ? 0 : Math.max(replacedCount(desired, observed, machines, idle.length), 0);
  return [...unready, ...idle.slice(0, ending)].map(({ id }) => ({
    kind: "terminate",
    machineId: id,
    reason: "pool-changed",
    detail: `pool ${desired.name} makes its machines otherwise since it was launched`,
  }));
}

const isUnready = ({ state }: LiveMachine): boolean =>
  state === "requested" || state === "booting" || state === "starting";

/** How many outdated idle machines are not needed any more, or stand in the way of their successors. */
function replacedCount(
  desired: DesiredPool,
  observed: ObservedPool,
  machines: readonly LiveMachine[],
  outdated: number,
): number {
  const wanted = observed.waitingLeases + desired.idleCount;
  const replaced = outdated - Math.max(0, wanted - leasableMachines(machines).length);
  const canLaunch = observed.mode === "open" && observed.storeProblem === "" && observed.launchProblem === "";
  return Math.max(replaced, canLaunch ? blockingCount(desired, observed, wanted) : 0);
}

/** How many must go first, since the limits leave no room for a successor beside them. What ends already is room to come. */
function blockingCount(desired: DesiredPool, observed: ObservedPool, wanted: number): number {
  const { machines, headroomOverall, reservedForOthers } = observed;
  const lacking = wanted - supplyOf(machines);
  const growing = desired.maxGrowthRate - countInFlight(machines);
  const ending = machines.filter(({ state }) => state === "terminating").length;
  const room = Math.min(desired.maxMachines - machines.length, headroomOverall - reservedForOthers);
  return Math.min(lacking, growing) - room - ending;
}
