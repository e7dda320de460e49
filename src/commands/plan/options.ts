import { parseDuration } from "../../config/units.ts";
import { ConfigError } from "../../domain/errors.ts";
import type { EpochMs } from "../../domain/ids.ts";
import { parseInstant } from "../../traces/row.ts";
import { durationFrom } from "../options.ts";

/** The options of `mayfly plan`, as given. */
export interface PlanOptions {
  readonly trace?: string;
  readonly history?: boolean;
  readonly policy: readonly string[];
  readonly pool?: string;
  readonly boot?: string;
  readonly wait?: string;
  readonly share?: string;
  readonly duration: string;
  readonly from?: string;
  readonly to?: string;
  readonly idleTime?: string;
  readonly maxMachines?: string;
  readonly growth?: string;
  readonly price?: string;
  readonly out?: string;
  readonly recommend?: boolean;
  readonly sizing?: boolean;
  readonly quota?: string;
  readonly vcpus?: string;
  /** `auto`: by closed form where it applies, else by the planner's rules from event to event. */
  readonly engine: "auto" | "loop";
}

/** Wrong usage of an option, as an error of one problem. */
export const usage = (place: string, message: string): ConfigError => new ConfigError([{ place, message }], "usage");

/** Reads a list of durations such as "45s,60s", each > 0, as milliseconds. @throws ConfigError */
export const bootTimesFrom = (text: string): number[] => text.split(",").map((each) => durationFrom("--boot", each));

/** Reads a wait, ≥ 0, as milliseconds. @throws ConfigError that names the place. */
export function waitFrom(place: string, text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw usage(place, `Expected a duration such as "5s" or "0s", got "${text}"`);
  return ms;
}

/** Reads a share such as 0.95 or 95 %. @throws ConfigError that names the place. */
export function shareFrom(place: string, text: string): number {
  const [, number = "", percent] = /^(\d*\.?\d+)( ?%)?$/.exec(text.trim()) ?? [];
  const share = Number(number || Number.NaN) / (percent === undefined ? 1 : 100);
  if (share > 0 && share < 1) return share;
  throw usage(place, `Expected a share between 0 and 1, such as 0.95 or 95%, got "${text}"`);
}

/** Reads a whole number within bounds. @throws ConfigError that names the place. */
export function countFrom(place: string, text: string, min: number): number {
  const count = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isSafeInteger(count) && count >= min && count <= 1_000_000) return count;
  throw usage(place, `Expected a whole number from ${min} to 1000000, got "${text}"`);
}

/** Reads a number ≥ 0. @throws ConfigError that names the place. */
export function numberFrom(place: string, text: string, max: number): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (value >= 0 && value <= max) return value;
  throw usage(place, `Expected a number from 0 to ${max}, got "${text}"`);
}

/** Reads an instant; a date alone is its midnight in UTC. @throws ConfigError that names the option. */
export function instantFrom(option: string, text: string | undefined): EpochMs | undefined {
  if (text === undefined) return undefined;
  const at = parseInstant(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00` : text);
  if (at !== undefined) return at;
  throw usage(option, `Expected a date, a date with a time, or seconds since 1970, got "${text}"`);
}
