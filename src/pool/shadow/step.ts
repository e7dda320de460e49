import type { DesiredPool } from "../../domain/pool.ts";
import type { ShadowInput } from "../../planning/shadow/book.ts";
import type { PoolInView } from "../../planning/observed.ts";
import { advance, forgetDue, take, visit } from "../../planning/shadow/run.ts";
import type { ShadowMind } from "../../planning/shadow/run.ts";
import type { StoredShadowPeriod } from "../../ports/store.ts";
import type { Fleet } from "../fleet.ts";
import { learnArrival } from "../target/planner.ts";
import { countActing, passActing } from "./acting.ts";
import { worldOf } from "./begin.ts";
import type { Heard } from "./heard.ts";
import { mindOf } from "./mind.ts";
import { closePeriod, isPeriodOver, isPoolChanged } from "./record.ts";
import type { Shadow } from "./shadow.ts";

/** Brings all shadows up to now. @param views of the pools, with what they wish for now */
export function stepShadows(fleet: Fleet, views: readonly PoolInView[]): void {
  if (fleet.shadows.byPool.size === 0) return;
  const { pools } = fleet.deps.desired();
  for (const { desired } of views) {
    const pool = pools.find(({ name }) => name === desired.name);
    if (pool !== undefined) stepPool(fleet, pool, desired.idleCount);
  }
}

/** Brings the shadows of one pool up to now. One that fails is switched off, and says so; nothing else knows of it. */
export function stepPool(fleet: Fleet, pool: DesiredPool, actingLevel?: number): void {
  const { byPool, heard, unrecorded } = fleet.shadows;
  const news = heard.get(pool.name) ?? [];
  heard.delete(pool.name);
  for (const shadow of byPool.get(pool.name)?.values() ?? []) {
    if (shadow.problem !== "") continue;
    try {
      let heardHere = [...shadow.missed.splice(0), ...news];
      if (isPoolChanged(shadow, pool)) {
        heardHere = finishBefore(fleet, shadow, heardHere);
        unrecorded.push(turnPeriod(fleet, pool, shadow));
      }
      stepShadow(fleet, pool, shadow, heardHere, actingLevel);
      if (isPeriodOver(shadow, fleet.deps.clock.now())) unrecorded.push(turnPeriod(fleet, pool, shadow));
    } catch (error) {
      shadow.problem = error instanceof Error ? error.message : String(error);
      const about = { poolName: pool.name, shadow: shadow.wish.name, err: error };
      fleet.deps.logger.error(about, "shadow failed and is switched off, its pool goes on as it was");
    }
  }
}

function turnPeriod(fleet: Fleet, pool: DesiredPool, shadow: Shadow): StoredShadowPeriod {
  forgetDue(shadow.book);
  const record = JSON.stringify(closePeriod(fleet, pool, shadow));
  const { poolName, wish, book } = shadow;
  return { poolName, shadowName: wish.name, at: book.at, record };
}

/** A pool decides for the first time now as it was changed to; what was before its shadow still saw as it was. Answers what it is to hear yet. */
function finishBefore(fleet: Fleet, shadow: Shadow, heard: readonly Heard[]): Heard[] {
  const { period, book } = shadow;
  const until = Math.max(book.at, fleet.deps.clock.now() - 1);
  const mind = mindOf(fleet, shadow);
  for (const news of heard) if (news.at <= until) listen(shadow, news, mind);
  advance(period.setting, book, until, mind);
  passActing(shadow.acting, until);
  return heard.filter(({ at }) => at > until);
}

function listen(shadow: Shadow, news: Heard, mind: ShadowMind): void {
  countActing(shadow.acting, news, shadow.period.setting.aimMs);
  const input = inputFrom(shadow, news);
  if (input !== undefined) enter(shadow, input, mind);
}

/**
 * Brings a shadow up to now: all that was heard, then what its policy makes of the moment.
 * @param actingLevel the level of the pool itself
 * @throws what its policy, or the planner, throws
 */
function stepShadow(
  fleet: Fleet,
  pool: DesiredPool,
  shadow: Shadow,
  heard: readonly Heard[],
  actingLevel: number | undefined,
): void {
  const now = fleet.deps.clock.now();
  const { period, book } = shadow;
  const mind = mindOf(fleet, shadow);
  for (const news of heard) listen(shadow, news, mind);
  const world = worldOf(fleet, pool);
  if (JSON.stringify(world) !== JSON.stringify(book.world)) enter(shadow, { kind: "world", at: now, world }, mind);
  visit(period.setting, book, Math.max(now, book.at), mind);
  passActing(shadow.acting, now);
  if (actingLevel !== undefined && period.actingLevels.at(-1)?.[1] !== actingLevel)
    period.actingLevels.push([now, actingLevel]);
}

/** Takes in what was heard; what is older than the book counts as of now. */
function enter({ period, book }: Shadow, heard: ShadowInput, mind: ShadowMind): void {
  const input = { ...heard, at: Math.max(heard.at, book.at) };
  take(period.setting, book, input, mind);
}

/** Says in a book's words what was heard; undefined for what is none of its business. */
function inputFrom(shadow: Shadow, news: Heard): ShadowInput | undefined {
  const { numbers, planner } = shadow;
  const { at } = news;
  switch (news.what) {
    case "job": {
      if (numbers.has(news.id)) return undefined;
      if (planner !== undefined) learnArrival(planner.state, news.announcedAt, at);
      const no = shadow.nextNumber++;
      numbers.set(news.id, no);
      return { kind: "job", at, no, priority: news.priority, readyAt: news.readyAt };
    }
    case "served": {
      const no = numbers.get(news.id);
      return no === undefined ? undefined : { kind: "served", at, no, waitMs: news.waitMs };
    }
    case "ended": {
      const no = numbers.get(news.id);
      numbers.delete(news.id);
      return no === undefined ? undefined : { kind: "ended", at, no, ranMs: news.ranMs };
    }
    case "machine":
      return undefined;
  }
}
