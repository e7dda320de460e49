import type { EpochMs } from "../../domain/ids.ts";
import { createTargetState } from "../../planning/capacity/target/state.ts";
import type { TargetState } from "../../planning/capacity/target/state.ts";
import type { PoolBoots } from "./boots.ts";

/** Changes with the shape of what is kept: memories of another version are made anew from the jobs of the past. */
const VERSION = 1;
/** A memory that is further ahead of the clock was written by one that was wrong. */
const MAX_AHEAD_MS = 3_600_000;

/** What is kept of a pool's planner over restarts. */
export interface PoolMemory {
  readonly version: typeof VERSION;
  /** As of when. */
  readonly at: EpochMs;
  readonly state: TargetState;
  readonly boots: PoolBoots;
}

/** Writes what a planner has learnt. */
export function memoryText(at: EpochMs, state: TargetState, boots: PoolBoots): string {
  return JSON.stringify({ version: VERSION, at, state, boots } satisfies PoolMemory);
}

/** Reads what a planner had learnt; undefined for what is none, of another version, or from the future. */
export function memoryFrom(text: string, now: EpochMs): PoolMemory | undefined {
  try {
    const memory = JSON.parse(text) as PoolMemory;
    const isKnown = memory.version === VERSION && memory.at <= now + MAX_AHEAD_MS && isState(memory.state);
    return isKnown && Array.isArray(memory.boots.times.tookMs) ? memory : undefined;
  } catch {
    return undefined;
  }
}

/** Tells whether something has the shape of a state, as deep as a state that knows nothing does. */
function isState(value: unknown): boolean {
  const isLike = (one: unknown, model: unknown): boolean => {
    if (typeof model !== "object" || model === null) return typeof one === typeof model;
    if (typeof one !== "object" || one === null || Array.isArray(one) !== Array.isArray(model)) return false;
    return Object.entries(model).every(([key, part]) => isLike(Reflect.get(one, key), part));
  };
  return isLike(value, createTargetState(0, 1));
}
