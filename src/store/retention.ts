/** How much of what is over a store keeps: the newest, and none that ended too long ago. */
export interface Retention {
  /** Terminated machines, ended leases and ended jobs, of each at most this many, ≥ 1. */
  readonly maxRecords: number;
  /** Since their end, in milliseconds. */
  readonly maxAgeMs: number;
}

/** Enough to answer "why" for a busy month; about 50 MB of SQLite at most. */
export const DEFAULT_RETENTION: Retention = { maxRecords: 10_000, maxAgeMs: 30 * 24 * 3_600_000 };
