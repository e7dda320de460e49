import type { EpochMs } from "../../domain/ids.ts";
import type { LiveMachine } from "../../domain/machine.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import { COLD_START, decideFrom, decideLevel, levelInputs } from "../../planning/capacity/target/decide.ts";
import type { LevelDecision, TargetSettings } from "../../planning/capacity/target/decide.ts";
import { observeTime, observeWindow } from "../../planning/capacity/target/observe.ts";
import type { ExpectedJobs } from "../../planning/capacity/target/known.ts";
import { decideOrKeep } from "../../planning/capacity/target/safe.ts";
import { createTargetState } from "../../planning/capacity/target/state.ts";
import type { ObservedBudget } from "../../planning/observed.ts";
import type { Fleet } from "../fleet.ts";
import { observeBudget } from "../spend.ts";
import { bootMsOf } from "./boots.ts";
import type { Decided, PoolPlanner } from "./planner.ts";
import { aimOf, coldFloorOf, settingsOf, windowMsOf } from "./settings.ts";

/** A decision stands for so long: passes come more often than that when much happens. */
export const FRESH_MS = 1_000;
/** A planner that has failed for so long begins anew. */
const FAILING_MS = 10 * 60_000;

/**
 * Puts the level that the target of a pool asks for now in the place of its idle count.
 * @param pool with what its schedule says now.
 */
export function withTargetLevel(
  fleet: Fleet,
  pool: DesiredPool,
): { readonly desired: DesiredPool; readonly why: string } {
  if (pool.target === undefined) return { desired: pool, why: "" };
  const planner = fleet.planners.byPool.get(pool.name);
  const now = fleet.deps.clock.now();
  if (planner === undefined) {
    const why = "what the target needs is still to be read from the store";
    return { desired: { ...pool, idleCount: pool.idleCountMin ?? 0 }, why };
  }
  const announcements = fleet.planners.announced.countOf(pool.name);
  // Jobs that begin are said to in the moment in which they come: a level that counts on them still would order their machines twice.
  const isNews = announcements !== (planner.announcements ?? 0);
  if (isNews || planner.last === undefined || now < planner.last.at || now - planner.last.at >= FRESH_MS) {
    planner.last = decide(fleet, planner, pool, now);
    planner.announcements = announcements;
  }
  const { level, why } = planner.last.decision;
  return { desired: { ...pool, idleCount: level }, why: `target: ${why}` };
}

function decide(fleet: Fleet, planner: PoolPlanner, pool: DesiredPool, now: EpochMs): Decided {
  const { decided, problem } = chooseLevel(planner, pool, {
    ...{ now, machines: fleet.state.machines(pool.name), bootMs: bootMsOf(fleet, pool.name) },
    ...{ budget: observeBudget(fleet, pool), expected: () => fleet.planners.announced.expectedIn(pool.name, now) },
  });
  if (problem !== "") {
    noteProblem(fleet, planner, pool.name, problem, now);
    return decided;
  }
  planner.problem = "";
  if (planner.recordedLevel !== decided.decision.level) {
    planner.recordedLevel = decided.decision.level;
    fleet.planners.unrecorded.push({ poolName: pool.name, decided });
  }
  return decided;
}

/** What a level is chosen from beside what was learnt. */
export interface TargetMoment {
  readonly now: EpochMs;
  readonly machines: readonly LiveMachine[];
  readonly bootMs: number;
  readonly budget: ObservedBudget | undefined;
  readonly expected: () => readonly ExpectedJobs[];
}

/** Chooses the level for a moment. When that fails the last one stands, and the problem is answered; it is empty else. */
export function chooseLevel(
  planner: Pick<PoolPlanner, "state" | "aim" | "last">,
  pool: DesiredPool,
  { now, machines, bootMs, budget, expected }: TargetMoment,
): { readonly decided: Decided; readonly problem: string } {
  const settings = settingsOf(pool, machines, coldFloorOf(planner, now), bootMs, budget);
  let inputs: Decided["inputs"];
  let problem = "";
  const decision = decideOrKeep(() => {
    try {
      planner.aim = aimOf(pool);
      observeTime(planner.state, now);
      if (settings.waitMs >= settings.bootMs)
        return boundBelow(decideLevel(planner.state, settings, [], now), settings);
      observeWindow(planner.state, windowMsOf(pool, bootMs));
      inputs = levelInputs(planner.state, settings, expected(), now);
      const made = decideFrom(inputs);
      if (Number.isSafeInteger(made.decision.level)) Object.assign(planner.state.held, made.held);
      return made.decision;
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
      throw error;
    }
  }, planner.last?.decision ?? safeDecision(settings));
  if (decision.binding === "planner-failed")
    return { decided: { at: now, decision }, problem: problem || decision.why };
  return { decided: { at: now, decision, inputs }, problem: "" };
}

/** A wait that covers the boot needs no machine, but its operator may want some all the same. */
function boundBelow(decision: LevelDecision, { floor }: TargetSettings): LevelDecision {
  if (floor === undefined || floor.name === COLD_START) return decision;
  return {
    ...decision,
    level: floor.level,
    binding: floor.name,
    why: `${decision.why}; ${floor.name} is ${floor.level}`,
  };
}

/** What holds before anything was decided. */
const safeDecision = ({ floor }: TargetSettings): LevelDecision => ({
  level: floor?.level ?? 0,
  ...{ binding: "planner-failed", asked: 0, forecastPerHour: 0, price: 0, lastPrice: 0, nextPrice: 0 },
  ...{ missedWithoutLastPerHour: 0, why: "nothing was decided yet" },
});

/** Says once what went wrong, and begins anew with a planner that stays broken. */
function noteProblem(fleet: Fleet, planner: PoolPlanner, poolName: string, problem: string, now: EpochMs): void {
  if (planner.problem === "") planner.problemSince = now;
  if (planner.problem !== problem)
    fleet.deps.logger.error({ poolName, problem }, "planner failed, its last level stays");
  planner.problem = problem;
  if (now - planner.problemSince < FAILING_MS) return;
  planner.state = createTargetState(now, planner.state.windowMs > 0 ? planner.state.windowMs : 1);
  planner.problem = "";
}
