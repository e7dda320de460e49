import { observeBoot } from "../../planning/capacity/target/bootTimes.ts";
import { observeArrival, observeTime } from "../../planning/capacity/target/observe.ts";
import { createTargetState } from "../../planning/capacity/target/state.ts";
import { createBoots, plannedBootMs } from "../../pool/target/boots.ts";
import { memoryText } from "../../pool/target/memory.ts";
import { windowMsOf } from "../../pool/target/settings.ts";
import type { LoopSettings } from "./replay.ts";

/** Boots that count as measured before: as many as it takes until nothing is assumed any more, and a share of the slow ones. */
const BOOTS = 40;

/** What the planner of a replayed pool would have kept of the jobs before the stretch, by the pool's name; nothing where none came, or it has no target. */
export function learntMemories({ pool, before, from, bootMsOf }: LoopSettings): ReadonlyMap<string, string> {
  if (pool.target === undefined || before === undefined || before.length === 0) return new Map();
  const boots = createBoots();
  for (let order = 0; order < BOOTS; order++) boots.times = observeBoot(boots.times, bootMsOf(order));
  const state = createTargetState(before[0] ?? from, windowMsOf(pool, plannedBootMs(boots)));
  for (const at of before) observeArrival(state, at);
  observeTime(state, from);
  return new Map([[pool.name, memoryText(from, state, boots)]]);
}
