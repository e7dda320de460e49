import { CronPattern } from "croner";
import * as z from "zod";
import { DURATION_EXAMPLES, formatDuration, formatSize, parseDuration, parseSize } from "./units.ts";

const DAY_MS = 86_400_000;
/** The longest duration that a config may hold: nothing waits for longer than a year. */
const MAX_DURATION_MS = 365 * DAY_MS;

// The message of every field is the rule alone; problems.ts puts the key before it and the value behind it.

/** A string that matches a pattern. */
export const text = (pattern: RegExp, rule: string) => z.string({ error: rule }).regex(pattern, { error: rule });

/** An integer within both bounds. */
export function integer(min: number, max: number) {
  const error = `an integer from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

/** A price in US dollars, ≥ 0. */
export function usd() {
  const error = "a price in US dollars, from 0 to 1000";
  return z.number({ error }).min(0, { error }).max(1000, { error });
}

/** One of some words. */
export const oneOf = <const Words extends readonly string[]>(words: Words) =>
  z.enum(words, { error: words.map((word) => JSON.stringify(word)).join(" or ") });

/** `true` or `false`. */
export const boolean = () => z.boolean({ error: "true or false" });

/** An array of 1 to `max` different strings that match a pattern. */
export function idList(pattern: RegExp, rule: string, max: number) {
  const error = `an array of 1 to ${max} different ${rule}`;
  return z
    .array(z.string({ error }).regex(pattern, { error }), { error })
    .min(1, { error })
    .max(max, { error })
    .refine((ids) => new Set(ids).size === ids.length, { error });
}

/** A table of tags as EC2 takes them, without those that mayfly or AWS put there. Source: EC2 user guide, "Tag restrictions". */
export function tagTable() {
  const error =
    'a table of at most 40 texts (256 characters), no key of which begins with "aws:", "mayfly:" or is "Name"';
  const key = z.string().regex(/^(?!aws:|mayfly:|Name$)[\p{L}\p{N}\s_.:/=+\-@]{1,128}$/u);
  const value = z.string().regex(/^[\p{L}\p{N}\s_.:/=+\-@]{0,256}$/u);
  return z.custom<Readonly<Record<string, string>>>(
    (table) => z.record(key, value).safeParse(table).success && Object.keys(table as object).length <= 40,
    { error },
  );
}

/** Cron expressions of five fields, 1 to 200 of them. Nicknames such as `@daily` mean one minute, and would be a mistake here. */
export function periods() {
  const error =
    'an array of 1 to 200 cron expressions of five fields (minute, hour, day of month, month, day of week), such as "* 9-17 * * mon-fri"';
  return z.array(z.string({ error }).refine(isPeriod, { error }), { error }).min(1, { error }).max(200, { error });
}

function isPeriod(value: string): boolean {
  try {
    new CronPattern(value, undefined, { mode: "5-part" });
    return !value.includes("@");
  } catch {
    return false;
  }
}

/** A time zone of the IANA database, or UTC. */
export function timezone() {
  const error = 'a time zone of the IANA database, such as "Europe/Berlin" or "UTC"';
  return z.string({ error }).refine(isTimezone, { error });
}

function isTimezone(value: string): boolean {
  try {
    // Offsets such as +02:00 have no daylight saving time, which whoever writes one may not know.
    return /^[A-Za-z]/.test(value) && new Intl.DateTimeFormat("en", { timeZone: value }) !== undefined;
  } catch {
    return false;
  }
}

/** A factor, ≥ 0. */
export function factor() {
  const error = "a number from 0 to 100";
  return z.number({ error }).min(0, { error }).max(100, { error });
}

/** The URL of a service: scheme, host and path, no credentials. */
export function endpointUrl(example = "https://ec2.eu-central-1.amazonaws.com") {
  const rule = `an http or https URL without credentials, such as ${JSON.stringify(example)}`;
  return z.string({ error: rule }).refine(isEndpointUrl, { error: rule });
}

/** A string such as "20m", read as milliseconds. */
export function duration(minMs: number) {
  const shape = `a duration such as ${DURATION_EXAMPLES}`;
  const range = `a duration from ${formatDuration(minMs)} to ${formatDuration(MAX_DURATION_MS)}`;
  return z.string({ error: shape }).transform((value, context) => {
    const ms = parseDuration(value);
    if (ms !== undefined && ms >= minMs && ms <= MAX_DURATION_MS) return ms;
    context.addIssue({ code: "custom", message: ms === undefined ? shape : range });
    return z.NEVER;
  });
}

/** A string such as "2GiB", read as a count of `unitBytes`. */
export function size(unitBytes: number, min: number, max: number) {
  const [low, high] = [formatSize(min * unitBytes), formatSize(max * unitBytes)];
  const shape = 'a size such as "2GiB" or "512MiB"';
  const range = `a size from ${low} to ${high} in whole ${formatSize(unitBytes).slice(1)}`;
  return z.string({ error: shape }).transform((value, context) => {
    const bytes = parseSize(value);
    const count = (bytes ?? 0) / unitBytes;
    if (bytes !== undefined && Number.isInteger(count) && count >= min && count <= max) return count;
    context.addIssue({ code: "custom", message: bytes === undefined ? shape : range });
    return z.NEVER;
  });
}

/** A path that starts at the root and has no empty, `.` or `..` parts. */
export function absolutePath() {
  const rule = 'an absolute path such as "/var/lib/mayfly"';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a path must not hold them.
  return text(/^(?:\/(?!\.{1,2}(?:\/|$))[^/\x00-\x1f\x7f]+)+\/?$/, rule).transform((path) => path.replace(/\/$/, ""));
}

/** The URL of a registry mirror in the form that dockerd takes: scheme and host, no path, no credentials. */
export function mirrorUrl() {
  const rule = 'an http or https URL of a host, without path and credentials, such as "http://10.0.2.2:5000"';
  return z.string({ error: rule }).refine(isMirrorUrl, { error: rule });
}

function isMirrorUrl(value: string): boolean {
  const url = URL.parse(value);
  if (url === null || /[\s@]/.test(value)) return false;
  return ["http:", "https:"].includes(url.protocol) && url.pathname === "/" && url.search === "" && url.hash === "";
}

function isEndpointUrl(value: string): boolean {
  const url = URL.parse(value);
  if (url === null || /[\s@]/.test(value)) return false;
  return ["http:", "https:"].includes(url.protocol) && url.search === "" && url.hash === "";
}
