import { DURATION_EXAMPLES, parseDuration } from "../config/units.ts";
import { ConfigError } from "../domain/errors.ts";

/** Reads an option that is a duration, as milliseconds > 0. @throws ConfigError that names the option. */
export function durationFrom(option: string, text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  const message = `Expected a duration like ${DURATION_EXAMPLES}, got "${text}"`;
  throw new ConfigError([{ place: option, message }], "usage");
}
