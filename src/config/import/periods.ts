import { CronPattern } from "croner";

/** A period in our vocabulary, and what it does not say any more. */
export interface ImportedPeriod {
  readonly period: string;
  /** In words; empty when nothing is lost. */
  readonly lost: string;
}

const NICKNAMES: Readonly<Record<string, string>> = {
  "@yearly": "0 0 0 1 1 * *",
  "@annually": "0 0 0 1 1 * *",
  "@monthly": "0 0 0 1 * * *",
  "@weekly": "0 0 0 * * 0 *",
  "@daily": "0 0 0 * * * *",
  "@hourly": "0 0 * * * * *",
};

/**
 * Translates a period of docker+machine: `second minute hour day-of-month month day-of-week year`. With six fields there is no
 * second, with five no year either, and the second is 0 then (gorhill/cronexpr). Undefined when it is none.
 */
export function periodFromMachine(text: string): ImportedPeriod | undefined {
  const fields = (NICKNAMES[text.trim()] ?? text.trim()).split(/\s+/);
  if (fields.length < 5 || fields.length > 7) return undefined;
  const [second = "0", ...rest] = fields.length === 7 ? fields : ["0", ...fields];
  const year = rest[5] ?? "*";
  const period = fiveFields(rest.slice(0, 5));
  if (period === undefined || !isSecond(second) || !isYear(year)) return undefined;
  const lost = [
    isAll(second, 59) ? "" : `the second "${second}" (it holds for whole minutes now)`,
    isAll(year) ? "" : `the year "${year}" (it holds in every year now)`,
  ];
  return { period, lost: lost.filter((part) => part !== "").join(" and ") };
}

/** Translates a period of docker-autoscaler: `minute hour day-of-month month day-of-week`. Undefined when it is none. */
export function periodFromPolicy(text: string): ImportedPeriod | undefined {
  const fields = text.trim().split(/\s+/);
  const period = fields.length === 5 ? fiveFields(fields) : undefined;
  return period === undefined ? undefined : { period, lost: "" };
}

const isAll = (field: string, last?: number): boolean =>
  ["*", "?", "*/1"].includes(field) || (last !== undefined && field === `0-${last}`);

/** Seconds have the range of minutes. */
const isSecond = (field: string): boolean => fiveFields([field, "*", "*", "*", "*"]) !== undefined;
const isYear = (field: string): boolean => isAll(field) || /^[\d,/*-]+$/.test(field);

/** The greatest value of each field, for "from a on, every b", which croner has no sign for. */
const LAST = [59, 23, 31, 12, 6] as const;

function fiveFields(fields: readonly string[]): string | undefined {
  const period = fields
    .map((field, index) =>
      shortNames(field)
        .replaceAll("?", "*")
        .split(",")
        .map((item) => item.replace(/^([a-z0-9]+)\/(\d+)$/i, `$1-${LAST[index] ?? 59}/$2`))
        .map((item) => item.replace(/^\*\/1$/, "*"))
        .join(","),
    )
    .join(" ");
  try {
    new CronPattern(period, undefined, { mode: "5-part" });
    return period;
  } catch {
    return undefined;
  }
}

/** Days and months may be written out there. */
const shortNames = (field: string): string =>
  field.replace(
    /(?:sun|mon|tues|wednes|thurs|fri|satur)day|january|february|march|april|june|july|august|september|october|november|december/gi,
    (name) => name.slice(0, 3),
  );
