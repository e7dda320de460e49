import type { EpochMs } from "../../domain/ids.ts";
import type { LiveGuest } from "../health/guests.ts";

/** Pauses before an image is tried again that could not be fetched: each twice as long. */
const PAUSE_MS = { first: 60_000, last: 3_600_000 } as const;

/** Why an image of a pool's list could not be fetched when it was last tried. */
export interface PreloadProblem {
  readonly text: string;
  readonly since: EpochMs;
  /** Tries that failed in a row; those that machines made at the same time are one. */
  readonly failures: number;
  /** When the last of them failed. */
  readonly failedAt: EpochMs;
  readonly retryAt: EpochMs;
}

/** What is known of the images that pools wish for on their machines. Lives as long as the manager. */
export interface PreloadBook {
  /** Images of a list that are to be looked for on a machine, or fetched, in the order of the list. */
  due(poolName: string, images: readonly string[], guest: LiveGuest, now: EpochMs): readonly string[];
  /** Whether an image that a machine lacks may be fetched now. */
  mayFetch(poolName: string, image: string, now: EpochMs): boolean;
  lacks(guest: LiveGuest, image: string): boolean;
  noteLook(guest: LiveGuest, image: string, isThere: boolean): void;
  noteFetched(poolName: string, image: string, guest: LiveGuest): void;
  noteFailed(poolName: string, image: string, text: string, startedAt: EpochMs, now: EpochMs): void;
  problem(poolName: string, image: string): PreloadProblem | undefined;
}

/** Creates an empty book. */
export function createPreloadBook(): PreloadBook {
  const looks = new WeakMap<LiveGuest, Map<string, boolean>>();
  const problems = new Map<string, PreloadProblem>();
  const keyOf = (poolName: string, image: string): string => `${poolName} ${image}`;
  const problem = (poolName: string, image: string): PreloadProblem | undefined => problems.get(keyOf(poolName, image));
  const mayFetch = (poolName: string, image: string, now: EpochMs): boolean =>
    (problem(poolName, image)?.retryAt ?? 0) <= now;
  const noteLook = (guest: LiveGuest, image: string, isThere: boolean): void => {
    looks.set(guest, (looks.get(guest) ?? new Map<string, boolean>()).set(image, isThere));
  };

  return {
    problem,
    mayFetch,
    noteLook,
    lacks: (guest, image) => looks.get(guest)?.get(image) === false,
    due: (poolName, images, guest, now) =>
      images.filter((image) => {
        const isThere = looks.get(guest)?.get(image);
        return isThere === undefined || (!isThere && mayFetch(poolName, image, now));
      }),
    noteFetched(poolName, image, guest) {
      noteLook(guest, image, true);
      problems.delete(keyOf(poolName, image));
    },
    noteFailed(poolName, image, text, startedAt, now) {
      const before = problem(poolName, image);
      // Another machine, which tried at the same time, found it out already.
      if (before !== undefined && before.failedAt >= startedAt) return;
      const failures = (before?.failures ?? 0) + 1;
      const pauseMs = Math.min(PAUSE_MS.last, PAUSE_MS.first * 2 ** (failures - 1));
      const since = before?.text === text ? before.since : now;
      problems.set(keyOf(poolName, image), { text, since, failures, failedAt: now, retryAt: now + pauseMs });
    },
  };
}
