import type { EpochMs } from "../../domain/ids.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** A stretch of time in which the clocks of a zone are set neither forward nor back. */
export interface Span {
  /** What its clocks show beyond UTC, in milliseconds. */
  readonly offsetMs: number;
  /** At most a day after the instant that was asked for. */
  readonly endsAt: EpochMs;
}

/** The clocks of a time zone. */
export interface Zone {
  readonly name: string;
  spanAt(at: EpochMs): Span;
}

/** Knows the clocks of an IANA time zone. @throws RangeError when there is none of that name. */
export function zoneNamed(name: string): Zone {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: name,
    calendar: "gregory",
    numberingSystem: "latn",
    hourCycle: "h23",
    ...{ year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" },
  });
  const offsetAt = (at: EpochMs): number => {
    const parts: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(at)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000;
  };
  return {
    name,
    spanAt(at) {
      const offsetMs = offsetAt(at);
      const dayLater = at + DAY_MS;
      if (offsetAt(dayLater) === offsetMs) return { offsetMs, endsAt: dayLater };
      let [before, after] = [Math.floor(at / MINUTE_MS), Math.ceil(dayLater / MINUTE_MS)];
      while (after - before > 1) {
        const middle = Math.floor((before + after) / 2);
        if (offsetAt(middle * MINUTE_MS) === offsetMs) before = middle;
        else after = middle;
      }
      return { offsetMs, endsAt: after * MINUTE_MS };
    },
  };
}
