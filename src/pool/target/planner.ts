import type { EpochMs } from "../../domain/ids.ts";
import type { WaitCause } from "../../domain/lease.ts";
import type { LevelInputs, LevelDecision } from "../../planning/capacity/target/decide.ts";
import { observeArrival, observeServed, observeTime } from "../../planning/capacity/target/observe.ts";
import type { TargetState } from "../../planning/capacity/target/state.ts";
import type { Change } from "../../ports/store.ts";
import type { Logger } from "../../ports/logger.ts";
import type { Before } from "../state/state.ts";
import { createAnnouncedBook } from "./announced.ts";
import type { AnnouncedBook } from "./announced.ts";
import { createBoots, noteBoot } from "./boots.ts";
import type { PoolBoots } from "./boots.ts";

/** A decision with what it was made from; absent when no machine was needed at all, or the planner failed. */
export interface Decided {
  readonly at: EpochMs;
  readonly decision: LevelDecision;
  readonly inputs?: LevelInputs | undefined;
}

/** What is known of one pool's target in this process. */
export interface PoolPlanner {
  state: TargetState;
  /** The promise of the moment, by which waits are judged. */
  aim: { readonly waitMs: number; readonly share: number };
  last: Decided | undefined;
  /** How many announcements it knew of when it last decided. */
  announcements?: number | undefined;
  /** The level that was last recorded, and what the planner was like when it was last written. */
  recordedLevel: number | undefined;
  savedAt: EpochMs;
  /** What went wrong at the last decision, since when; empty when nothing did. */
  problem: string;
  problemSince: EpochMs;
}

/** The planners of all pools that have one, and the boots of all. They learn from what is committed. */
export interface Planners {
  readonly byPool: Map<string, PoolPlanner>;
  /** Decisions that are to be recorded yet. */
  readonly unrecorded: { readonly poolName: string; readonly decided: Decided }[];
  /** What front doors know of the jobs to come. */
  readonly announced: AnnouncedBook;
  bootsOf(poolName: string): PoolBoots;
  /** Boots that an earlier manager measured. */
  keepBoots(poolName: string, boots: PoolBoots): void;
  /**
   * Takes note of what was committed. Of a job that has come, it answers since when it was announced. Never throws: what it takes
   * part in is a job's way to its machine.
   */
  learn(change: Change, before: Before, now: EpochMs): EpochMs | undefined;
}

/** Creates planners that know nothing. */
export function createPlanners(logger: Logger): Planners {
  const byPool = new Map<string, PoolPlanner>();
  const boots = new Map<string, PoolBoots>();
  const announced = createAnnouncedBook();
  const bootsOf = (poolName: string): PoolBoots => {
    const known = boots.get(poolName) ?? createBoots();
    boots.set(poolName, known);
    return known;
  };
  return {
    ...{ byPool, announced, bootsOf, unrecorded: [] },
    keepBoots: (poolName, known) => void boots.set(poolName, known),
    learn(change, before, now) {
      let announcedAt: EpochMs | undefined;
      try {
        if (change.kind === "machine-moved")
          noteBoot(bootsOf(change.machine.poolName), change.machine, before.machine, now);
        if (change.kind !== "lease") return undefined;
        // A job that waits again, since its machine was lost, wants another one.
        const hasCome = before.lease === undefined && change.lease.state !== "ended";
        announcedAt = hasCome ? announced.takeAnnounced(change.lease.poolName, now) : undefined;
        const planner = byPool.get(change.lease.poolName);
        if (planner !== undefined && hasCome) learnArrival(planner.state, announcedAt, now);
        if (planner !== undefined) learnServed(planner, change.lease, before.lease);
      } catch (error) {
        logger.error({ err: error }, "a planner could not learn from what happened");
      }
      return announcedAt;
    },
  };
}

/** Learns from a job that has come. What was announced in time for its machine is no part of the background that nobody announces. */
export function learnArrival(state: TargetState, announcedAt: EpochMs | undefined, at: EpochMs): void {
  if ((announcedAt ?? at) > at - state.windowMs) observeArrival(state, at);
}

function learnServed(planner: PoolPlanner, lease: LeaseChange, before: Before["lease"]): void {
  if (lease.state !== "held" || before?.state === "held" || isLimited(lease.waitedMs)) return;
  const waitedMs = Object.values(lease.waitedMs ?? {}).reduce((sum, ms) => sum + ms, 0);
  observeServed(planner.state, waitedMs <= planner.aim.waitMs, planner.aim.share);
}

type LeaseChange = Extract<Change, { readonly kind: "lease" }>["lease"];

/** Causes of waits that more idle machines would have shortened. */
const MENDABLE: ReadonlySet<string> = new Set<WaitCause>(["no-idle-machine", "boot"]);

/** Tells whether a wait had a cause that no level would have helped against. */
export const isLimited = (waitedMs: LeaseChange["waitedMs"] = {}): boolean =>
  Object.keys(waitedMs).some((cause) => !MENDABLE.has(cause));

/** Lets time go by of which nothing is known: no manager was there to see what came. */
export function skipTime(state: TargetState, now: EpochMs): void {
  state.recent.at = Math.max(state.recent.at, now);
  state.lagging.at = Math.max(state.lagging.at, now - state.windowMs);
  state.window = [];
  state.tickedAt = Math.max(state.tickedAt, now);
  if (state.held.belowSince >= 0) state.held.belowSince = now;
  observeTime(state, now);
}
