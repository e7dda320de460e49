import { formatDuration } from "../config/units.ts";
import type { EpochMs } from "../domain/ids.ts";

/** Rounds to what a person reads: `0.4s`, `9.8s`, `42s`, `1h2m5s`. */
export function shownDuration(ms: number): string {
  return ms < 9_950 ? `${(Math.max(0, ms) / 1000).toFixed(1)}s` : formatDuration(Math.round(ms / 1000) * 1000);
}

/** Writes an amount so that cheap machines do not all cost nothing: `$0.0034`, `$12.40`, `$0`. */
export const shownUsd = (usd: number): string => (usd === 0 ? "$0" : `$${usd.toFixed(usd < 1 ? 4 : 2)}`);

/** Tells whether a table needs a column for what things cost: not while all of them are free. */
export const isAnyPaid = (things: readonly { readonly costUsd?: number | undefined }[]): boolean =>
  things.some(({ costUsd = 0 }) => costUsd > 0);

/** Writes an instant as people of any place read it: `2026-11-23T21:33:47Z`. */
export function shownInstant(at: EpochMs): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
}
