import fc from "fast-check";

/**
 * A rule for minutes, as data: what it says is known without reading a cron expression. A field that is undefined is `*`.
 * Days are matched as crontab(5) says: by either of the two where both are given.
 */
export interface CronRule {
  readonly minutes: readonly number[] | undefined;
  readonly hours: readonly number[] | undefined;
  readonly days: readonly number[] | undefined;
  readonly months: readonly number[] | undefined;
  readonly weekdays: readonly number[] | undefined;
}

/** What the clocks of a zone show. */
interface WallTime {
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
  readonly month: number;
  readonly weekday: number;
}

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/** Reads the clocks of a zone as a person does. */
export function wallClockIn(timeZone: string): (at: number) => WallTime {
  const format = new Intl.DateTimeFormat("en-GB", {
    ...{ timeZone, weekday: "short", month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit" },
    hourCycle: "h23",
  });
  return (at) => {
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
    const numberOf = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type));
    return {
      minute: numberOf("minute"),
      hour: numberOf("hour"),
      day: numberOf("day"),
      month: numberOf("month"),
      weekday: WEEKDAYS.indexOf(parts.get("weekday") ?? ""),
    };
  };
}

/** Tells whether a rule is about a minute. */
export function isIn(rule: CronRule, { minute, hour, day, month, weekday }: WallTime): boolean {
  const fits = (values: readonly number[] | undefined, value: number): boolean => values?.includes(value) ?? true;
  const fitsDay =
    rule.days !== undefined && rule.weekdays !== undefined
      ? rule.days.includes(day) || rule.weekdays.includes(weekday)
      : fits(rule.days, day) && fits(rule.weekdays, weekday);
  return fits(rule.minutes, minute) && fits(rule.hours, hour) && fits(rule.months, month) && fitsDay;
}

/** Writes a rule as a cron expression of five fields: lists, and ranges where numbers follow each other. */
export const cronFrom = ({ minutes, hours, days, months, weekdays }: CronRule): string =>
  [minutes, hours, days, months, weekdays].map(fieldFrom).join(" ");

function fieldFrom(values: readonly number[] | undefined): string {
  if (values === undefined) return "*";
  const [first = 0] = values;
  const last = values.at(-1) ?? first;
  return values.length > 2 && last - first === values.length - 1 ? `${first}-${last}` : values.join(",");
}

const fieldIn = (min: number, max: number): fc.Arbitrary<readonly number[]> =>
  fc.oneof(
    fc
      .tuple(fc.integer({ min, max }), fc.integer({ min, max }))
      .map(([a, b]) => Array.from({ length: Math.abs(a - b) + 1 }, (_, index) => Math.min(a, b) + index)),
    fc
      .uniqueArray(fc.integer({ min, max }), { minLength: 1, maxLength: 4 })
      .map((values) => values.toSorted((a, b) => a - b)),
  );

const maybe = (field: fc.Arbitrary<readonly number[]>, weight: number) =>
  fc.oneof({ arbitrary: fc.constant(undefined), weight: 10 - weight }, { arbitrary: field, weight });

/** Rules of all kinds; hours and weekdays are given more often than the rest, as people do. */
export const anyRule: fc.Arbitrary<CronRule> = fc.record({
  minutes: maybe(fieldIn(0, 59), 3),
  hours: maybe(fieldIn(0, 23), 7),
  days: maybe(fieldIn(1, 31), 2),
  months: maybe(fieldIn(1, 12), 1),
  weekdays: maybe(fieldIn(0, 6), 5),
});

/** A night or noon around which clocks are set, and the day before and after: zones that do it by an hour or less, at 2 o'clock, at midnight. */
export const anySetClock = fc.constantFrom(
  ["Europe/Berlin", "2026-03-29"],
  ["Europe/Berlin", "2026-10-25"],
  ["America/New_York", "2026-03-08"],
  ["America/New_York", "2026-11-01"],
  ["Australia/Lord_Howe", "2026-04-04"],
  ["Australia/Lord_Howe", "2026-10-03"],
  ["America/Santiago", "2026-09-06"],
  ["America/Santiago", "2026-04-05"],
  ["Asia/Kolkata", "2026-06-01"],
) as fc.Arbitrary<readonly [string, string]>;
