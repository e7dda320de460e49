import type { EpochMs } from "../../domain/ids.ts";
import type { LevelPolicy } from "./replay.ts";
import { DAY_MS, MINUTE_MS } from "./target/state.ts";

/** A stretch of at most a week that is looked at closely, cut into equal parts. */
export interface Week {
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** Length of a part, in milliseconds. */
  readonly partMs: number;
  readonly parts: number;
}

const WEEK_MS = 7 * DAY_MS;
const PARTS = 336;
/** 1970 began on a Thursday. */
const FIRST_MONDAY = 4 * DAY_MS;

/** The week, from a Monday in UTC, in which most jobs came; all of a stretch that is no longer than two weeks and holds no whole one. */
export function busiestWeek(readyAt: Float64Array, from: EpochMs, to: EpochMs): Week {
  const first = FIRST_MONDAY + Math.ceil((from - FIRST_MONDAY) / WEEK_MS) * WEEK_MS;
  let [best, most, next] = [first, -1, 0];
  for (let monday = first; monday + WEEK_MS <= to; monday += WEEK_MS) {
    while ((readyAt[next] ?? Infinity) < monday) next += 1;
    let jobs = 0;
    for (; (readyAt[next] ?? Infinity) < monday + WEEK_MS; next++) jobs += 1;
    if (jobs > most) [best, most] = [monday, jobs];
  }
  return most < 0 ? weekOf(from, Math.min(to, from + WEEK_MS)) : weekOf(best, best + WEEK_MS);
}

function weekOf(from: EpochMs, to: EpochMs): Week {
  const partMs = Math.max(MINUTE_MS, (to - from) / PARTS);
  return { from, to, partMs, parts: Math.max(1, Math.ceil((to - from) / partMs)) };
}

/** In each part of a week, the most jobs that became ready within one window: what a level must cover there. `windowMs` > 0. */
export function demandIn({ from, to, partMs, parts }: Week, readyAt: Float64Array, windowMs: number): number[] {
  const demand = Array.from({ length: parts }, () => 0);
  let oldest = 0;
  for (let n = 0; n < readyAt.length; n++) {
    const at = readyAt[n] ?? 0;
    if (at >= to) break;
    while ((readyAt[oldest] ?? Infinity) <= at - windowMs) oldest += 1;
    const part = Math.floor((at - from) / partMs);
    if (part >= 0) demand[part] = Math.max(demand[part] ?? 0, n + 1 - oldest);
  }
  return demand;
}

/** Takes note of a policy's levels in a week while it is replayed. */
export interface LevelRecord {
  readonly watch: (policy: LevelPolicy) => LevelPolicy;
  /** The highest level of each part; before the first that was asked for, that one. */
  readonly levels: () => number[];
}

/** Creates an empty record. A policy that is never asked, since its level is constant, is asked once. */
export function recordLevels({ from, to, partMs, parts }: Week): LevelRecord {
  const highest: (number | undefined)[] = Array.from({ length: parts }, () => undefined);
  const latest: number[] = [];
  let [last, constant] = [-1, (): number => 0];
  return {
    watch(policy) {
      constant = () => policy({ now: from, inUse: 0, arrived: 0, served: 0, waitMs: new Float64Array() });
      return (moment) => {
        const level = policy(moment);
        if (moment.now < to) {
          const part = Math.max(0, Math.floor((moment.now - from) / partMs));
          const before = highest[part];
          highest[part] = moment.now < from ? level : Math.max(before ?? 0, level);
          latest[part] = level;
          last = Math.max(last, part);
        }
        return level;
      };
    },
    levels() {
      let level = last < 0 ? constant() : (highest.find((each) => each !== undefined) ?? 0);
      return highest.map((each, part) => {
        const shown = each ?? level;
        level = latest[part] ?? level;
        return shown;
      });
    },
  };
}
