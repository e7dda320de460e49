import type { EpochMs } from "../domain/ids.ts";
import type { WaitCause } from "../domain/lease.ts";
import type { DesiredPool } from "../domain/pool.ts";
import { countByState, countInFlight, launchRoom } from "./observed.ts";
import type { ObservedPool } from "./observed.ts";
import { outdatedIdle } from "./rollover.ts";

/** Says in one sentence why a pool is as it is now. */
export function explainPool(desired: DesiredPool, observed: ObservedPool, now: EpochMs): string {
  const { wishWhy = "" } = observed;
  const why = explainMachines(desired, observed, now);
  return wishWhy === "" ? why : `${why}; ${wishWhy}`;
}

function explainMachines(desired: DesiredPool, observed: ObservedPool, now: EpochMs): string {
  const counts = countByState(observed.machines);
  const inFlight = countInFlight(observed.machines);
  const stopped =
    (desired.stoppedCount ?? 0) + counts.stopped + counts.stopping > 0 ? `${counts.stopped} stopped, ` : "";
  const old = outdatedIdle(desired, observed.machines).length;
  const ofOldShape = old > 0 ? ` (${old} of an older shape)` : "";
  const have = `${counts.idle} idle${ofOldShape}, ${stopped}${inFlight} booting, ${counts.leased} leased, ${counts.terminating} terminating`;
  if (observed.mode !== "open") return `${observed.mode}: ${have}`;
  if (observed.waitingLeases > 0) return `${observed.waitingLeases} waiting: ${explainWait(desired, observed, now)}`;
  const tier = explainTier(desired, counts.stopped, observed.tier?.stopProblem ?? "");
  if (counts.idle >= desired.idleCount) return `${have}; idle_count ${desired.idleCount} is met${tier}`;
  if (isRefused(observed))
    return `${have}; idle_count ${desired.idleCount} is not met: launches are refused and tried again: ${observed.launchProblem}`;
  if (counts.idle + inFlight >= desired.idleCount) return `${have}; idle_count ${desired.idleCount} is on the way`;
  return `${have}; idle_count ${desired.idleCount} is not met yet: ${bindingConstraint(desired, observed, now)}`;
}

function explainTier({ stoppedCount = 0 }: DesiredPool, stopped: number, problem: string): string {
  if (stoppedCount === 0) return "";
  if (stopped >= stoppedCount) return `, stopped_count ${stoppedCount} is met`;
  const why = problem === "" ? "" : `: stops are refused and tried again: ${problem}`;
  return `, stopped_count ${stoppedCount} is not met yet${why}`;
}

/** Says why a launch is planned. */
export function explainLaunch(desired: DesiredPool, observed: ObservedPool): string {
  const waiting = observed.waitingLeases;
  const counts = countByState(observed.machines);
  const { stoppedCount = 0 } = desired;
  const stopped = stoppedCount > 0 ? `, ${counts.stopped} of stopped_count ${stoppedCount} stopped` : "";
  const forIdle = `${counts.idle} of idle_count ${desired.idleCount} ready${stopped}`;
  return waiting > 0 ? `${waiting} waiting for a machine, ${forIdle}` : forIdle;
}

/** Says in one sentence why a lease of this pool waits. */
export function explainWait(desired: DesiredPool, observed: ObservedPool, now: EpochMs): string {
  const inFlight = countInFlight(observed.machines);
  if (observed.mode !== "open") return `the pool is ${observed.mode}`;
  if (observed.storeProblem !== "") return `no idle machine; launches wait: ${observed.storeProblem}`;
  if (isRefused(observed)) {
    return `no idle machine; launches are refused and tried again: ${observed.launchProblem}`;
  }
  if (inFlight > 0 && inFlight >= observed.waitingLeases) return `no idle machine; ${inFlight} booting`;
  const booting = inFlight > 0 ? `${inFlight} booting, ` : "";
  return `no idle machine; ${booting}${bindingConstraint(desired, observed, now)}`;
}

/** One try after another is refused: the refusal is the news, not the try that is on its way. */
const isRefused = ({ launchProblem, machines }: ObservedPool): boolean =>
  launchProblem !== "" && !machines.some(({ state }) => state === "booting" || state === "starting");

/** Says what holds back the machine of a lease for which none is on its way. */
export function waitCauseOf(desired: DesiredPool, observed: ObservedPool, now: EpochMs): WaitCause {
  if (observed.mode !== "open") return "pool-closed";
  if (observed.storeProblem !== "") return "store";
  if (isRefused(observed) || now < observed.launchesPausedUntil) return "no-capacity";
  const { room, limit } = launchRoom(desired, observed);
  return room > 0 ? "no-idle-machine" : CAUSES[limit];
}

const CAUSES = {
  pool: "max-machines",
  "all-pools": "max-machines-overall",
  "growth-rate": "growth-limit",
  budget: "budget",
} as const satisfies Record<ReturnType<typeof launchRoom>["limit"], WaitCause>;

function bindingConstraint(desired: DesiredPool, observed: ObservedPool, now: EpochMs): string {
  if (observed.storeProblem !== "") return `launches wait: ${observed.storeProblem}`;
  if (now < observed.launchesPausedUntil) return `launches pause after a refusal: ${observed.launchProblem}`;
  const { room, limit } = launchRoom(desired, observed);
  if (room > 0) return "a launch is next";
  switch (limit) {
    case "pool":
      return `max_machines (${desired.maxMachines}) of the pool is reached`;
    case "all-pools":
      return "max_machines over all pools is reached";
    case "growth-rate":
      return `max_growth_rate (${desired.maxGrowthRate}) is reached`;
    case "budget":
      return observed.budget?.text ?? "the budget of the day is spent";
  }
}
