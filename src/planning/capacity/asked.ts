import type { DesiredPool } from "../../domain/pool.ts";
import { scheduleFrom } from "../schedule/section.ts";
import { wishNow } from "../schedule/wish.ts";
import { expectedUsdPerHour } from "../cost/daySpend.ts";
import { scaleFactorPolicy } from "./baselines.ts";
import type { LevelPolicy } from "./replay.ts";
import { observeArrival } from "./target/observe.ts";
import { targetPolicy } from "./target/policy.ts";
import { waitPriceOf } from "./target/price.ts";
import { createTargetState, MINUTE_MS } from "./target/state.ts";
import { tryConstant, tryPolicy } from "./trial.ts";
import type { Limits, Trial, Tried } from "./trial.ts";

/** A policy that somebody wants to be tried, with its settings. */
export type AskedPolicy =
  | { readonly kind: "static"; readonly level: number }
  /** As GitLab's IdleScaleFactor: no fewer than `min`, no more than `max` machines. */
  | { readonly kind: "scale_factor"; readonly factor: number; readonly min: number; readonly max: number }
  /** `share` (0-1) of the jobs wait no longer than `waitMs`. */
  | { readonly kind: "target"; readonly share: number; readonly waitMs: number }
  /**
   * What a configuration says, with its schedule, its target and its limits. A price of waiting is taken for the trial's share
   * where no price of machines is known, and a budget is not heeded: the loop itself knows both.
   */
  | { readonly kind: "pool"; readonly pool: DesiredPool };

/** Puts something between a replay and its policy. */
export type Watch = (policy: LevelPolicy) => LevelPolicy;

/** Tries a policy that knows nothing beforehand but what came before the stretch. */
export function tryAsked(trial: Trial, asked: AskedPolicy, watch: Watch = (policy) => policy): Tried {
  if (asked.kind === "static") {
    watch(() => asked.level);
    return tryConstant(trial, asked.level);
  }
  const { policy, stepMs, limits } = policyFrom(trial, asked);
  return tryPolicy({ ...trial, limits }, watch(policy), stepMs);
}

/** A policy ready to be replayed: how often it must be asked though nothing happens, and what bounds its pool. */
export interface ReadyPolicy {
  readonly policy: LevelPolicy;
  readonly stepMs: number;
  readonly limits: Limits;
}

/** Makes a policy of its settings; each call makes one that has learnt from what came before the stretch, and nothing else. */
export function policyFrom(trial: Trial, asked: AskedPolicy): ReadyPolicy {
  const { limits } = trial;
  switch (asked.kind) {
    case "static":
      return { policy: () => asked.level, stepMs: Infinity, limits };
    case "scale_factor": {
      const policy = scaleFactorPolicy(asked.factor, asked.min);
      return { policy: (moment) => Math.min(asked.max, policy(moment)), stepMs: Infinity, limits };
    }
    case "target":
      return { policy: learntTarget(trial, asked), stepMs: MINUTE_MS, limits };
    case "pool":
      return { policy: poolPolicy(trial, asked.pool), stepMs: MINUTE_MS, limits: limitsOf(asked.pool) };
  }
}

/** What bounds a configured pool. */
export const limitsOf = ({ maxMachines, maxGrowthRate, idleTimeMs }: DesiredPool): Limits => ({
  ...{ maxMachines, maxGrowthRate, idleTimeMs },
});

function learntTarget(
  trial: Trial,
  { share, waitMs, price }: { readonly share: number; readonly waitMs: number; readonly price?: number | undefined },
): LevelPolicy {
  const { before, from, bootMs, arrivals } = trial;
  if (waitMs >= bootMs) return () => 0;
  const state = createTargetState(before[0] ?? from, bootMs - waitMs);
  for (const at of before) observeArrival(state, at);
  return targetPolicy(state, { share, waitMs, price, bootMs, holdMs: MINUTE_MS, caps: [] }, arrivals.readyAt);
}

function poolPolicy(trial: Trial, pool: DesiredPool): LevelPolicy {
  const { schedule: sections = [], target } = pool;
  const { waitMs, share = trial.share } = target ?? trial;
  const price = waitPriceOf(target, expectedUsdPerHour(pool, []), trial.bootMs);
  const targetLevel = target && learntTarget(trial, { waitMs, share, price });
  const schedule = scheduleFrom(sections);
  let held = schedule.heldAt(0);
  let isAsked = false;
  return (moment) => {
    const { now, inUse } = moment;
    if (!isAsked || now >= held.untilAt) held = schedule.heldAt(now);
    isAsked = true;
    const wish = wishNow(pool, held.index === undefined ? undefined : sections[held.index], inUse);
    if (targetLevel === undefined) return wish.idleCount;
    const { idleCountMin = 0, idleCountMax = pool.maxMachines } = wish;
    return Math.min(idleCountMax, Math.max(idleCountMin, targetLevel(moment)));
  };
}
