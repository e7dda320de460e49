import type { DesiredPool } from "../../domain/pool.ts";
import type { Fleet } from "../../pool/fleet.ts";
import type { Shadow } from "../../pool/shadow/shadow.ts";
import { totalOf } from "../../pool/shadow/view.ts";
import type { PolicyFigures } from "../../ports/explain.ts";
import type { createGauges } from "./instruments.ts";

type Gauges = ReturnType<typeof createGauges>;

/** Shows what a pool's target promises, and what its planner expects. */
export function readTarget(gauges: Gauges, { planners }: Fleet, pool: string, { target }: DesiredPool): void {
  const planner = planners.byPool.get(pool);
  if (target === undefined || planner === undefined) return;
  gauges.promisedWait.set({ pool }, target.waitMs / 1_000);
  if (target.share !== undefined) gauges.promisedShare.set({ pool }, target.share);
  gauges.correction.set({ pool }, Math.exp(planner.state.correction));
  if (planner.last !== undefined) gauges.forecast.set({ pool }, planner.last.decision.forecastPerHour);
}

/** Shows what a shadow has come to beside its pool. */
export function readShadow(gauges: Gauges, shadow: Shadow): void {
  const { poolName: pool, wish, book, problem } = shadow;
  const labels = { pool, shadow: wish.name };
  const total = totalOf(shadow);
  gauges.shadowRuns.set(labels, problem === "" ? 1 : 0);
  gauges.shadowLevel.set(labels, book.level.idleCount);
  gauges.shadowSaved.set({ ...labels, effect: "spared" }, total.savedMs / 1_000);
  gauges.shadowSaved.set({ ...labels, effect: "added" }, total.addedMs / 1_000);
  const show = (policy: string, figures: PolicyFigures): void => {
    gauges.shadowShare.set({ ...labels, policy }, figures.shareInTime);
    gauges.shadowWait.set({ ...labels, policy }, (figures.meanWaitMs * figures.served) / 1_000);
    if (figures.costUsd !== undefined) gauges.shadowCost.set({ ...labels, policy }, figures.costUsd);
  };
  show("shadow", total.shadow);
  show("acting", total.acting);
}
