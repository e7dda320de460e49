import type { EpochMs } from "../../../domain/ids.ts";
import { pricesOf } from "./prices.ts";
import { MINUTE_MS } from "./state.ts";
import type { PriceRow } from "./state.ts";

/** Jobs that a front door knows will come together: those of a later stage, or of a scheduled pipeline. */
export interface ExpectedJobs {
  /** ≥ 1. */
  readonly count: number;
  /** How likely they come at all, 0-1. */
  readonly chance: number;
  /** Instants at which they may become ready, each as likely as the next, oldest first, ≥ 1. Those that have passed without them are out. */
  readonly readyAt: readonly EpochMs[];
}

interface Group {
  readonly count: number;
  /** How likely they come within one window from now. */
  readonly soon: number;
  /** How often a minute they come: right after it, when a machine ordered now is ready, or before, when one held now serves them. */
  readonly perMinute: number;
}

/** Adds what is known of the future to what past windows let expect: the prices of both together. */
export function withExpected(
  row: PriceRow,
  expected: readonly ExpectedJobs[],
  now: EpochMs,
  windowMs: number,
): PriceRow {
  const groups = expected.map((jobs) => groupOf(jobs, now, windowMs)).filter(({ perMinute }) => perMinute > 0);
  if (groups.length === 0) return row;
  const length = row.held.length + groups.reduce((sum, { count }) => sum + count, 0);
  const padded = Array.from({ length }, (_, s) => row.held[s] ?? 0);
  const held = groups.reduce(addGroup, padded);
  const jobRates = groups.reduce(
    addGroup,
    Array.from({ length }, (_, s) => row.jobRates[s] ?? 0),
  );
  for (const group of groups) {
    const others = groups.filter((other) => other !== group).reduce(addGroup, padded);
    // The i-th of the group finds the others and those of its own before it.
    for (let found = 0; found < length; found++) {
      for (let own = 0; own < group.count && own <= found; own++) {
        jobRates[found] = (jobRates[found] ?? 0) + group.perMinute * (others[found - own] ?? 0);
      }
    }
  }
  return { prices: pricesOf(jobRates, held), jobRates, held };
}

function groupOf({ count, chance, readyAt }: ExpectedJobs, now: EpochMs, windowMs: number): Group {
  const readyFrom = now + windowMs;
  // Wide enough for a pass a minute: a batch that is seen between two passes is ordered too late.
  const aheadMs = Math.max(windowMs / 2, MINUTE_MS);
  let [left, soon, then] = [0, 0, 0];
  for (const at of readyAt) {
    if (at <= now) continue;
    left += 1;
    if (at <= readyFrom) soon += 1;
    else if (at <= readyFrom + aheadMs) then += 1;
  }
  if (left === 0) return overdueGroup(count, chance, readyAt, now, windowMs);
  const perMs = Math.max(soon / windowMs, then / aheadMs) / left;
  return { count, soon: (chance * soon) / left, perMinute: chance * perMs * MINUTE_MS };
}

/** Who is later than was thought possible comes about as slowly as the last were thought to come, or as it is late by now. */
function overdueGroup(
  count: number,
  chance: number,
  readyAt: readonly EpochMs[],
  now: EpochMs,
  windowMs: number,
): Group {
  const last = readyAt.at(-1) ?? now;
  const perMs = chance / Math.max(windowMs, last - (readyAt.at(-2) ?? last), now - last);
  return { count, soon: 1 - Math.exp(-perMs * windowMs), perMinute: perMs * MINUTE_MS };
}

/** What windows hold with the group that comes in its time or does not. */
function addGroup(held: readonly number[], { count, soon }: Group): number[] {
  return held.map((share, s) => share * (1 - soon) + (held[s - count] ?? 0) * soon);
}
