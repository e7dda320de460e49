import { Cron, CronPattern } from "croner";

const DAY_MS = 86_400_000;
const MINUTES_A_DAY = 1_440;

/**
 * The minutes of a day, by its number since 1970, in which one of some periods is: 1 for each minute that is, in the order of the
 * day, as the clocks of their zone show it.
 */
export type MinutesOf = (day: number) => Uint8Array;

/**
 * Reads cron expressions of five fields. A day matches as in crontab(5): by either of day of month and day of week, where
 * both are given.
 * @throws TypeError or RangeError of croner's when one is none.
 */
export function minutesFrom(expressions: readonly string[]): MinutesOf {
  const periods = expressions.map(periodFrom);
  let known: { readonly day: number; readonly minutes: Uint8Array } | undefined;
  return (day) => {
    if (known?.day === day) return known.minutes;
    const minutes = new Uint8Array(MINUTES_A_DAY);
    for (const period of periods) if (period.isOn(day)) for (const minute of period.minutes) minutes[minute] = 1;
    known = { day, minutes };
    return minutes;
  };
}

interface Period {
  readonly minutes: readonly number[];
  readonly isOn: (day: number) => boolean;
}

/**
 * The clock's part of an expression is looked up, its calendar's part is asked of croner, in a UTC that shows what the zone's clocks show:
 * croner's own rules for nights in which clocks are set are those of jobs that run once, and ours is about every minute.
 */
function periodFrom(expression: string): Period {
  const { hour, minute } = new CronPattern(expression, undefined, { mode: "5-part" });
  const minutes = Array.from({ length: MINUTES_A_DAY }, (_, index) => index).filter(
    (index) => hour[Math.floor(index / 60)] && minute[index % 60],
  );
  const dayFields = expression.trim().split(/\s+/).slice(2).join(" ");
  if (dayFields === "* * *") return { minutes, isOn: () => true };
  const dates = new Cron(`0 0 ${dayFields}`, { mode: "5-part", timezone: "UTC", paused: true });
  return { minutes, isOn: (day) => dates.match(new Date(day * DAY_MS)) };
}
