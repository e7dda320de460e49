import type { EpochMs } from "../../domain/ids.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import { compactInputs, windowQuantiles } from "../../planning/capacity/target/compact.ts";
import { observeServed } from "../../planning/capacity/target/observe.ts";
import { describeScale } from "../../planning/schedule/describe.ts";
import { wishNow } from "../../planning/schedule/wish.ts";
import type { ShadowBook, ShadowLevel } from "../../planning/shadow/book.ts";
import { budgetBy } from "../../planning/shadow/decide.ts";
import type { ShadowMind } from "../../planning/shadow/run.ts";
import type { Fleet } from "../fleet.ts";
import { bootMsOf } from "../target/boots.ts";
import { chooseLevel, FRESH_MS } from "../target/level.ts";
import type { Shadow } from "./shadow.ts";

/** Decisions of a target that are kept of one stretch, with what they were made from. */
const MAX_DECISIONS = 20;

/** What decides in a shadow that runs: its own policy, by the same rules and from the same observations as the acting one. */
export function mindOf(fleet: Fleet, shadow: Shadow): ShadowMind {
  const offsetMs = fleet.wallClock.now() - fleet.deps.clock.now();
  const { tookMs } = fleet.planners.bootsOf(shadow.poolName).times;
  return {
    levelAt(book) {
      const level = levelOf(fleet, shadow, book, offsetMs);
      const { idleCount, idleTimeMs } = book.level;
      if (level.idleCount === idleCount && level.idleTimeMs === idleTimeMs) return book.level;
      shadow.period.inputs.push({ kind: "level", at: book.at, level });
      return level;
    },
    changesAt: () => shadow.changesAt,
    nextBootMs() {
      // The measured ones, one after the other: what is rare comes as rarely as it did.
      const bootMs = tookMs[shadow.book.madeMachines % tookMs.length] ?? bootMsOf(fleet, shadow.poolName);
      shadow.period.boots.push(bootMs);
      return bootMs;
    },
    onServed({ isLimited }, waitMs) {
      const { planner } = shadow;
      if (planner !== undefined && isLimited !== true)
        observeServed(planner.state, waitMs <= planner.aim.waitMs, planner.aim.share);
    },
  };
}

function levelOf(fleet: Fleet, shadow: Shadow, book: ShadowBook, offsetMs: number): ShadowLevel {
  const { pool } = shadow.period.setting;
  const held = shadow.schedules.heldAt(pool, book.at + offsetMs);
  shadow.changesAt = held === undefined ? Infinity : held.untilAt - offsetMs;
  const section = held?.index === undefined ? undefined : pool.schedule?.[held.index];
  const leased = book.machines.filter(({ state }) => state === "leased").length;
  const wish = wishNow(pool, section, leased);
  const level = targetLevel(fleet, shadow, wish, book);
  const aimed = level === undefined ? "" : `target: ${shadow.planner?.last?.decision.why ?? ""}`;
  shadow.why = [held?.text ?? "", describeScale(wish, leased), aimed].filter((part) => part !== "").join("; ");
  return { idleCount: level ?? wish.idleCount, idleTimeMs: wish.idleTimeMs };
}

/** @throws Error when its planner fails: a shadow has no machines that would need a safe level. */
function targetLevel(fleet: Fleet, shadow: Shadow, wish: DesiredPool, book: ShadowBook): number | undefined {
  const { planner } = shadow;
  if (planner === undefined) return undefined;
  const { last } = planner;
  if (last !== undefined && book.at >= last.at && book.at - last.at < FRESH_MS) return last.decision.level;
  const bootMs = bootMsOf(fleet, shadow.poolName);
  const { decided, problem } = chooseLevel(planner, wish, {
    ...{ now: book.at, machines: book.machines, bootMs, budget: budgetBy(wish, book, bootMs) },
    expected: () => fleet.planners.announced.expectedIn(shadow.poolName, book.at),
  });
  if (problem !== "") throw new Error(problem);
  planner.last = decided;
  noteDecision(shadow, book.at);
  return decided.decision.level;
}

function noteDecision({ planner, book, period: { decisions } }: Shadow, at: EpochMs): void {
  const { decision, inputs } = planner?.last ?? {};
  if (decision === undefined || inputs === undefined || decision.level === book.level.idleCount) return;
  const { level, binding, why } = decision;
  decisions.push({ at, level, binding, why, inputs: compactInputs(inputs), window: windowQuantiles(inputs) });
  if (decisions.length > MAX_DECISIONS) decisions.shift();
}
