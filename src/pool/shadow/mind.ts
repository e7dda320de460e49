import type { EpochMs } from "../../domain/ids.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import { countByState } from "../../planning/observed.ts";
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
import { timesOf } from "./times.ts";

/** Decisions of a target that are kept of one stretch, with what they were made from. */
const MAX_DECISIONS = 20;

/** What decides in a shadow that runs: its own policy, by the same rules and from the same observations as the acting one. */
export function mindOf(fleet: Fleet, shadow: Shadow): ShadowMind {
  const offsetMs = fleet.wallClock.now() - fleet.deps.clock.now();
  const { boots, starts, stops } = timesOf(fleet, shadow.poolName);
  // The measured ones, one after the other: what is rare comes as rarely as it did.
  const next = (known: readonly number[], asked: number): number => {
    const ms = known[asked % known.length] ?? 0;
    shadow.period.tookMs.push(ms);
    return ms;
  };
  const written = shadow.period.inputs;
  return {
    written,
    levelAt(book) {
      const level = levelOf(fleet, shadow, book, offsetMs);
      if (isSameLevel(level, book.level)) return book.level;
      written.push({ kind: "level", at: book.at, level });
      return level;
    },
    changesAt: () => shadow.changesAt,
    nextBootMs: () => next(boots, shadow.book.madeMachines),
    nextStartMs: () => next(starts, shadow.book.startsAsked),
    nextStopMs: () => next(stops, shadow.book.stopsAsked),
    onServed({ isLimited }, waitMs) {
      const { planner } = shadow;
      if (planner !== undefined && isLimited !== true)
        observeServed(planner.state, waitMs <= planner.aim.waitMs, planner.aim.share);
    },
  };
}

const isSameLevel = (a: ShadowLevel, b: ShadowLevel): boolean =>
  a.idleCount === b.idleCount && a.idleTimeMs === b.idleTimeMs && (a.stoppedCount ?? 0) === (b.stoppedCount ?? 0);

function levelOf(fleet: Fleet, shadow: Shadow, book: ShadowBook, offsetMs: number): ShadowLevel {
  const { pool } = shadow.period.setting;
  const held = shadow.schedules.heldAt(pool, book.at + offsetMs);
  shadow.changesAt = held === undefined ? Infinity : held.untilAt - offsetMs;
  const section = held?.index === undefined ? undefined : pool.schedule?.[held.index];
  const { leased } = countByState(book.machines);
  const wish = wishNow(pool, section, leased);
  const level = targetLevel(fleet, shadow, wish, book);
  const aimed = level === undefined ? "" : `target: ${shadow.planner?.last?.decision.why ?? ""}`;
  shadow.why = [held?.text ?? "", describeScale(wish, leased), aimed].filter((part) => part !== "").join("; ");
  const { idleTimeMs, stoppedCount } = wish;
  return { idleCount: level ?? wish.idleCount, idleTimeMs, ...(stoppedCount !== undefined && { stoppedCount }) };
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
