import { DURATION_EXAMPLES, parseDuration } from "../config/units.ts";
import { ConfigError } from "../domain/errors.ts";

/** How long a manager that goes away is waited for, unless the command line says otherwise. */
const DEFAULT_RECONNECT = "2m";

/** The option of the commands that outlive a manager. */
export const RECONNECT_OPTION = [
  "--reconnect <duration>",
  "wait this long for a daemon that goes away meanwhile, as for a restart; 0 for not at all",
  DEFAULT_RECONNECT,
] as const;

/** Reads the value of `--reconnect`, as milliseconds ≥ 0. @throws ConfigError that names the option. */
export function reconnectFrom(text: string = DEFAULT_RECONNECT): number {
  const ms = text === "0" ? 0 : parseDuration(text);
  if (ms !== undefined) return ms;
  const message = `Expected 0, or a duration like ${DURATION_EXAMPLES}, got "${text}"`;
  throw new ConfigError([{ place: "--reconnect", message }], "usage");
}
