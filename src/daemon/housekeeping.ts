import type { Clock } from "../ports/clock.ts";
import type { Archives } from "../ports/files.ts";
import type { Logger } from "../ports/logger.ts";
import type { PrunableJobLogs } from "../store/jobLogs.ts";
import { DEFAULT_RETENTION } from "../store/retention.ts";

const HOUR_MS = 3_600_000;
const ROUND_MS = 6 * HOUR_MS;
/** Longer than any job that waits for its archive; whoever comes later uploads again. */
const ARCHIVE_KEPT_MS = 7 * 24 * HOUR_MS;

/** What the removal of old files needs. */
export interface HousekeepingDeps {
  readonly logs: PrunableJobLogs;
  readonly archives: Archives;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Removes old logs and archives now and every six hours, so that a disk does not fill up over months. Answers how to stop. */
export function startHousekeeping({ logs, archives, clock, logger }: HousekeepingDeps): () => Promise<void> {
  const stopping = new AbortController();
  const round = async (): Promise<void> => {
    try {
      await logs.prune(clock.now() - DEFAULT_RETENTION.maxAgeMs);
      await archives.prune(clock.now() - ARCHIVE_KEPT_MS);
    } catch (error) {
      logger.warn({ err: error }, "could not remove old files");
    }
  };
  const rounds = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await round();
      await clock.sleep(ROUND_MS, stopping.signal).catch(() => undefined);
    }
  };
  const ended = rounds();
  return () => {
    stopping.abort();
    return ended;
  };
}
