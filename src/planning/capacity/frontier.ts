import type { Outcome } from "./outcome.ts";
import { shareWithin } from "./outcome.ts";

/** What a policy attained, and what its idle pool cost. */
export interface Attained {
  /** Jobs that waited no longer than the target, 0-1. */
  readonly share: number;
  /** Idle machine time and boots that served nobody, in minutes a job. */
  readonly idleMinutes: number;
}

/** Sums an outcome up. */
export function attainedBy(outcome: Omit<Outcome, "peakMachines">, targetWaitMs: number): Attained {
  const { waitMs, idleMs, wastedBootMs, jobs } = outcome;
  const idleMinutes = (idleMs + wastedBootMs) / 60_000 / Math.max(1, jobs);
  return { share: shareWithin(waitMs, targetWaitMs), idleMinutes };
}

/** The convex lower hull of settings of one policy, by share: between two neighbours lies what turning from one to the other in time attains. */
export function frontierOf(points: readonly Attained[]): Attained[] {
  const hull: Attained[] = [];
  for (const point of points.toSorted((a, b) => a.share - b.share || b.idleMinutes - a.idleMinutes)) {
    for (;;) {
      const [before, last] = [hull.at(-2), hull.at(-1)];
      if (last === undefined) break;
      // Dearer without serving more, or above the line from the one before to the new one.
      const isDearer = last.idleMinutes >= point.idleMinutes;
      if (!isDearer && (before === undefined || slope(before, last) < slope(last, point))) break;
      hull.pop();
    }
    hull.push(point);
  }
  return hull;
}

/** Answers what the frontier's policy pays for a share; undefined beyond what it attains. */
export function idleMinutesAt(frontier: readonly Attained[], share: number): number | undefined {
  const above = frontier.findIndex((point) => point.share >= share);
  const [low, high] = [frontier[above - 1], frontier[above]];
  if (high === undefined) return undefined;
  if (low === undefined) return high.idleMinutes;
  return low.idleMinutes + slope(low, high) * (share - low.share);
}

const slope = (a: Attained, b: Attained): number => (b.idleMinutes - a.idleMinutes) / (b.share - a.share);
