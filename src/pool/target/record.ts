import type { EpochMs } from "../../domain/ids.ts";
import { compactInputs } from "../../planning/capacity/target/compact.ts";
import type { LevelInputs } from "../../planning/capacity/target/decide.ts";
import { windowQuantiles } from "../../planning/capacity/target/compact.ts";
import type { WindowQuantiles } from "../../planning/capacity/target/compact.ts";
import type { Change } from "../../ports/store.ts";
import type { Fleet } from "../fleet.ts";
import { memoryText } from "./memory.ts";
import type { Decided } from "./planner.ts";

/** What planners have learnt is written so often, and when the manager stops. */
const SAVE_MS = 5 * 60_000;

/** A change of level as it is stored: what it was decided from decides it again. */
export interface DecisionRecord {
  readonly at: EpochMs;
  readonly level: number;
  readonly binding: string;
  readonly why: string;
  /** Absent where a boot is no longer than the wait: then nothing else counts. */
  readonly inputs?: LevelInputs | undefined;
  /** Jobs that one window is forecast to hold. */
  readonly window?: WindowQuantiles | undefined;
}

/** Tells whether something is to be written of what planners decided or learnt. */
export function isPlanningUnrecorded({ planners, deps }: Fleet): boolean {
  if (planners.unrecorded.length > 0) return true;
  for (const { savedAt } of planners.byPool.values()) if (deps.clock.now() - savedAt >= SAVE_MS) return true;
  return false;
}

/** Writes what has been decided, and what planners have learnt when that is due. Not on any job's way to its machine. */
export async function recordPlanning(fleet: Fleet): Promise<void> {
  const now = fleet.deps.clock.now();
  const due = [...fleet.planners.byPool].filter(([, planner]) => now - planner.savedAt >= SAVE_MS);
  const { unrecorded } = fleet.planners;
  const taken = unrecorded.splice(0);
  const changes = [...taken.map(decisionChange), ...due.map(([poolName]) => memoryChange(fleet, poolName, now))];
  try {
    await fleet.state.commit(changes.flat());
  } catch (error) {
    unrecorded.unshift(...taken);
    throw error;
  }
  for (const [, planner] of due) planner.savedAt = now;
}

/** Writes what all planners have learnt, for the next manager. */
export async function savePlanners(fleet: Fleet): Promise<void> {
  const now = fleet.deps.clock.now();
  const changes = [...fleet.planners.byPool.keys()].flatMap((poolName) => memoryChange(fleet, poolName, now));
  if (changes.length === 0) return;
  await fleet.state.commit(changes).catch((error: unknown) => {
    fleet.deps.logger.warn(
      { err: error },
      "could not store what the planners have learnt, the next manager learns it anew",
    );
  });
}

function memoryChange(fleet: Fleet, poolName: string, now: EpochMs): Change[] {
  const planner = fleet.planners.byPool.get(poolName);
  if (planner === undefined || planner.problem !== "") return [];
  const memory = memoryText(now, planner.state, fleet.planners.bootsOf(poolName));
  return [{ kind: "pool-memory", poolName, memory }];
}

function decisionChange({ poolName, decided }: { readonly poolName: string; readonly decided: Decided }): Change[] {
  const { at, decision, inputs } = decided;
  const { level, binding, why } = decision;
  const record: DecisionRecord = {
    ...{ at, level, binding, why },
    ...(inputs !== undefined && { inputs: compactInputs(inputs), window: windowQuantiles(inputs) }),
  };
  return [{ kind: "level-decided", decision: { poolName, at, record: JSON.stringify(record) } }];
}
