/** How long boots took lately. Plain data. */
export interface BootTimes {
  /** In milliseconds, oldest first, at most `KEPT`. A boot that failed counts with its retry, as long as both took. */
  readonly tookMs: readonly number[];
}

/** Enough for a 99th percentile, few enough to follow a new image within days. */
const KEPT = 200;
/** Until so many were measured, the operator's own figure counts among them. */
const TRUSTED = 10;

/** Adds one boot, from order to ready. */
export const observeBoot = ({ tookMs }: BootTimes, bootMs: number): BootTimes => ({
  tookMs: [...tookMs.slice(1 - KEPT), bootMs],
});

/** Answers the boot time that `share` (0-1) of the boots did not pass, in milliseconds; `assumedMs` counts until enough were measured. */
export function bootQuantile({ tookMs }: BootTimes, share: number, assumedMs: number): number {
  const assumed = Array.from({ length: Math.max(0, TRUSTED - tookMs.length) }, () => assumedMs);
  const sorted = [...tookMs, ...assumed].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? assumedMs;
}
