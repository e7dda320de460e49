import type { EpochMs } from "../../domain/ids.ts";
import { isWaiting } from "./book.ts";
import type { ShadowBook, ShadowJob } from "./book.ts";

/** What the jobs of a book come to. */
interface JobsView {
  /** Who waits, in the order in which machines are given. */
  readonly waiting: readonly ShadowJob[];
  /** When the first job leaves its machine that is known to; Infinity for never. */
  readonly firstEndAt: EpochMs;
}

const known = new WeakMap<readonly ShadowJob[], JobsView>();

/** Looks through the jobs of a book, once for each list: whoever changes a job calls `renewJobs`. */
export function viewJobs({ jobs }: ShadowBook): JobsView {
  const view = known.get(jobs) ?? lookThrough(jobs);
  known.set(jobs, view);
  return view;
}

/** Gives a book another list of its jobs, one of which has changed. */
export function renewJobs(book: ShadowBook): void {
  book.jobs = [...book.jobs];
}

function lookThrough(jobs: readonly ShadowJob[]): JobsView {
  let firstEndAt = Infinity;
  const waiting: ShadowJob[] = [];
  for (const job of jobs) {
    if (isWaiting(job)) waiting.push(job);
    else firstEndAt = Math.min(firstEndAt, endOf(job));
  }
  return { waiting: waiting.sort((a, b) => b.priority - a.priority || a.no - b.no), firstEndAt };
}

/**
 * When a job leaves its machine of the shadow: as long after it got it as in the real pool, and no sooner than its end was known.
 * Infinity while that is not known, or it has none.
 */
export const endOf = ({ heldAt, endedAt, ranMs = 0 }: ShadowJob): EpochMs =>
  heldAt === undefined || endedAt === undefined ? Infinity : Math.max(endedAt, heldAt + ranMs);
