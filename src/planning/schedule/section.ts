import type { EpochMs } from "../../domain/ids.ts";
import type { ScheduleSection } from "../../domain/pool.ts";
import { minutesFrom } from "./periods.ts";
import type { MinutesOf } from "./periods.ts";
import { zoneNamed } from "./zone.ts";
import type { Zone } from "./zone.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const MINUTES_A_DAY = 1_440;
/** How far ahead the next change is looked for: what holds for longer holds for long enough to be told so. */
const HORIZON_MS = 40 * DAY_MS;
/** Beginnings and ends of sections that are looked at for one change: others may hide a great many of them. */
const MAX_TURNS = 200;

/** Which section of a schedule holds. */
export interface HeldSection {
  /** In the order of the file, from 0; undefined while none holds. */
  readonly index: number | undefined;
  /** It holds until here at least. */
  readonly untilAt: EpochMs;
  /** What holds from then on: `untilAt` is a change, and no mere end of what was looked at. */
  readonly next?: { readonly index: number | undefined } | undefined;
}

/** A schedule that was read. */
export interface Schedule {
  /** Tells which section holds at an instant: the last one that one of its periods matches. */
  heldAt(at: EpochMs): HeldSection;
}

/** Reads a schedule. @throws RangeError or TypeError when a period or a time zone is none. */
export function scheduleFrom(sections: readonly ScheduleSection[]): Schedule {
  const clocks = sections.map(({ periods, timezone }) => ({
    zone: zoneNamed(timezone),
    minutes: minutesFrom(periods),
  }));
  const indexAt = (at: EpochMs): number | undefined => {
    const index = clocks.findLastIndex((clock) => isIn(clock, at));
    return index < 0 ? undefined : index;
  };
  return {
    heldAt(at) {
      const index = indexAt(at);
      const horizonAt = at + HORIZON_MS;
      const turns = clocks.map((clock) => nextTurn(clock, at, horizonAt));
      let untilAt = at;
      for (let turn = 0; turn < MAX_TURNS; turn += 1) {
        untilAt = Math.min(horizonAt, ...turns);
        if (untilAt === horizonAt) break;
        const next = indexAt(untilAt);
        if (next !== index) return { index, untilAt, next: { index: next } };
        for (const [position, clock] of clocks.entries())
          if (turns[position] === untilAt) turns[position] = nextTurn(clock, untilAt, horizonAt);
      }
      return { index, untilAt };
    },
  };
}

interface SectionClock {
  readonly zone: Zone;
  readonly minutes: MinutesOf;
}

const dayOf = (wall: number): number => Math.floor(wall / DAY_MS);
const minuteOf = (wall: number): number => Math.floor(wall / MINUTE_MS) % MINUTES_A_DAY;

function isIn({ zone, minutes }: SectionClock, at: EpochMs): boolean {
  const wall = at + zone.spanAt(at).offsetMs;
  return minutes(dayOf(wall))[minuteOf(wall)] === 1;
}

/** The first full minute after an instant at which a section begins or ends; Infinity when none is before the horizon. */
function nextTurn(clock: SectionClock, after: EpochMs, horizonAt: EpochMs): EpochMs {
  const { zone, minutes } = clock;
  const wasIn = isIn(clock, after);
  let at = (Math.floor(after / MINUTE_MS) + 1) * MINUTE_MS;
  while (at < horizonAt) {
    const { offsetMs, endsAt } = zone.spanAt(at);
    while (at < endsAt) {
      const minute = minuteOf(at + offsetMs);
      const turn = minutes(dayOf(at + offsetMs)).indexOf(wasIn ? 0 : 1, minute);
      const turnsAt = at + (turn - minute) * MINUTE_MS;
      if (turn >= 0 && turnsAt < endsAt) return turnsAt;
      at = Math.min(endsAt, at + (MINUTES_A_DAY - minute) * MINUTE_MS);
    }
  }
  return Infinity;
}
