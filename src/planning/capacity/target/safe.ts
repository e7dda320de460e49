import type { LevelDecision } from "./decide.ts";

/** Decides, or leaves the last decision in force when the deciding throws: a broken forecast must neither empty a pool nor fill it. */
export function decideOrKeep(decide: () => LevelDecision, last: LevelDecision): LevelDecision {
  try {
    const decision = decide();
    if (Number.isSafeInteger(decision.level) && decision.level >= 0) return decision;
    throw new Error(`Expected a level to be an integer ≥ 0, got ${decision.level}`);
  } catch (error) {
    const why = `${last.level} stay in force: the planner failed: ${(error as Error).message}`;
    return { ...last, binding: "planner-failed", why };
  }
}
