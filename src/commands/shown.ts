import { formatDuration } from "../config/units.ts";
import type { EpochMs } from "../domain/ids.ts";

/** Rounds to what a person reads: `0.4s`, `9.8s`, `42s`, `1h2m5s`. */
export function shownDuration(ms: number): string {
  return ms < 9_950 ? `${(Math.max(0, ms) / 1000).toFixed(1)}s` : formatDuration(Math.round(ms / 1000) * 1000);
}

/** Writes an instant as people of any place read it: `2026-11-23T21:33:47Z`. */
export function shownInstant(at: EpochMs): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
}
