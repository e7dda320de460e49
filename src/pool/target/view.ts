import { decideFrom } from "../../planning/capacity/target/decide.ts";
import { windowQuantiles } from "../../planning/capacity/target/compact.ts";
import type { LevelDecision, LevelInputs } from "../../planning/capacity/target/decide.ts";
import { MINUTE_MS } from "../../planning/capacity/target/state.ts";
import { expectedUsdPerHour } from "../../planning/cost/daySpend.ts";
import type { PoolPolicy } from "../../domain/pool.ts";
import type { EpochMs } from "../../domain/ids.ts";
import type { DecisionView, PoolWhy } from "../../ports/explain.ts";
import type { StoredDecision } from "../../ports/store.ts";
import { viewPool } from "../control.ts";
import type { Fleet } from "../fleet.ts";
import { observeBudget } from "../spend.ts";
import { promiseOf } from "./attained.ts";
import { bootMsOf } from "./boots.ts";
import type { DecisionRecord } from "./record.ts";

/** Leases, of all pools, that the attained share is told from. */
const JUDGED_LEASES = 1_000;
/** Changes of level that are shown. */
const SHOWN_CHANGES = 20;

/** Says why a pool keeps as many machines ready as it does. @throws NotFoundError when there is none of that name. */
export async function whyPool(fleet: Fleet, name: string): Promise<PoolWhy> {
  const { desired, wish, why } = viewPool(fleet, name);
  const planner = fleet.planners.byPool.get(name);
  const last = desired.target === undefined ? undefined : planner?.last;
  const usdPerHour = expectedUsdPerHour(desired, fleet.state.machines(name));
  const view = (at: EpochMs, decision: LevelDecision, inputs: LevelInputs | undefined): DecisionView =>
    decisionView(at, decision, inputs, usdPerHour);
  return {
    ...{ poolName: name, why, policy: policyOf(desired), level: wish?.idleCount ?? desired.idleCount },
    bootMs: bootMsOf(fleet, name),
    bootsMeasured: fleet.planners.bootsOf(name).times.tookMs.length,
    jobsSeen: planner?.state.jobsSeen,
    promise: promiseOf(desired, planner, await fleet.deps.store.recentLeases(JUDGED_LEASES)),
    decision: last && {
      ...view(last.at, last.decision, last.inputs),
      window: last.inputs && windowQuantiles(last.inputs),
    },
    budget: observeBudget(fleet, desired)?.text,
    changes: (await fleet.deps.store.decisionsOf(name, SHOWN_CHANGES)).map((stored) => storedView(stored, view)),
  };
}

/** Tells what kind of policy a pool, or a shadow, has. */
export function policyOf({ target, schedule = [], idleScaleFactor = 0 }: PoolPolicy): PoolWhy["policy"] {
  if (target !== undefined) return "target";
  if (schedule.length > 0) return "schedule";
  return idleScaleFactor > 0 ? "scale-factor" : "static";
}

function storedView(
  { at, record }: StoredDecision,
  view: (at: EpochMs, decision: LevelDecision, inputs: LevelInputs | undefined) => DecisionView,
): DecisionView {
  const { level, binding, why, inputs, window } = JSON.parse(record) as DecisionRecord;
  if (inputs === undefined) return { at, level, binding, why };
  // What is shown is decided again from what the decision was made from.
  return { ...view(at, decideFrom(inputs).decision, inputs), window };
}

function decisionView(
  at: EpochMs,
  { level, binding, why, ...numbers }: LevelDecision,
  inputs: LevelInputs | undefined,
  usdPerHour: number | undefined,
): DecisionView {
  if (inputs === undefined) return { at, level, binding, why };
  const { price, nextPrice, lastPrice } = numbers;
  const waitUsd =
    usdPerHour === undefined || usdPerHour === 0
      ? undefined
      : (price * usdPerHour) / 60 / (inputs.settings.bootMs / MINUTE_MS);
  return {
    ...{ at, level, binding, why, ...numbers },
    // JSON has no Infinity.
    nextPrice: Number.isFinite(nextPrice) ? nextPrice : undefined,
    lastPrice: level === 0 || !Number.isFinite(lastPrice) ? undefined : lastPrice,
    waitUsdPerMinute: waitUsd,
  };
}
