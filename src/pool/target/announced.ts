import type { EpochMs } from "../../domain/ids.ts";
import type { ExpectedJobs } from "../../planning/capacity/target/known.ts";
import { COMING_MS } from "../../ports/announce.ts";
import type { AnnouncedJobs, Announcement } from "../../ports/announce.ts";

/** Pipelines that are kept in mind; more are not taken. */
const MAX_PIPELINES = 1_000;

interface Pipeline {
  jobs: readonly AnnouncedJobs[];
  expiresAt: EpochMs;
  /** Since when jobs of a pool are announced. */
  readonly since: Map<string, EpochMs>;
}

/** What front doors have announced. In memory alone: whoever runs a pipeline tells anew as it goes on. */
export interface AnnouncedBook {
  /** Takes an announcement in the place of the pipeline's last one. */
  announce(id: string, announcement: Announcement, now: EpochMs): void;
  /** How many announcements were about a pool. */
  countOf(poolName: string): number;
  /** What is to come in a pool. */
  expectedIn(poolName: string, now: EpochMs): readonly ExpectedJobs[];
  /** Tells, once, since when a job that has come was announced; undefined for one that nobody knew of. */
  takeAnnounced(poolName: string, now: EpochMs): EpochMs | undefined;
}

/** Creates an empty book. */
export function createAnnouncedBook(): AnnouncedBook {
  const pipelines = new Map<string, Pipeline>();
  const counts = new Map<string, number>();
  const coming = new Map<string, { readonly until: EpochMs; readonly announcedAt: EpochMs }[]>();

  return {
    announce(id, { jobs, begun, ttlMs }, now) {
      for (const [other, { expiresAt }] of pipelines) if (expiresAt <= now) pipelines.delete(other);
      const known = pipelines.get(id);
      for (const poolName of new Set([...jobs, ...begun, ...(known?.jobs ?? [])].map((one) => one.poolName)))
        counts.set(poolName, (counts.get(poolName) ?? 0) + 1);
      const since = known?.since ?? new Map<string, EpochMs>();
      for (const { poolName, count } of begun) {
        const announced = (known?.jobs ?? []).filter((one) => one.poolName === poolName);
        const most = announced.reduce((sum, one) => sum + one.count, 0);
        const announcedAt = since.get(poolName) ?? now;
        const begins = Array.from({ length: Math.min(count, most) }, () => ({ until: now + COMING_MS, announcedAt }));
        coming.set(poolName, [...(coming.get(poolName) ?? []), ...begins]);
      }
      for (const { poolName } of jobs) if (!since.has(poolName)) since.set(poolName, now);
      if (jobs.length === 0) pipelines.delete(id);
      else if (known !== undefined || pipelines.size < MAX_PIPELINES)
        pipelines.set(id, { jobs, expiresAt: now + ttlMs, since });
    },
    countOf: (poolName) => counts.get(poolName) ?? 0,
    expectedIn(poolName, now) {
      const expected: ExpectedJobs[] = [];
      for (const { jobs, expiresAt } of pipelines.values()) {
        if (expiresAt > now) expected.push(...jobs.filter((one) => one.poolName === poolName));
      }
      return expected;
    },
    takeAnnounced(poolName, now) {
      const known = coming.get(poolName);
      if (known === undefined) return undefined;
      const waiting = known.filter(({ until }) => until > now);
      const [first, ...rest] = waiting;
      if (rest.length > 0) coming.set(poolName, rest);
      else coming.delete(poolName);
      return first?.announcedAt;
    },
  };
}
