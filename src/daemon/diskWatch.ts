import { formatSize } from "../config/units.ts";
import type { Clock } from "../ports/clock.ts";
import type { Disks, DiskSpace } from "../ports/disks.ts";
import type { Logger } from "../ports/logger.ts";

/** How often the disks are looked at. A job may fill one in seconds, but the store's reserve bridges that. */
const LOOK_MS = 5_000;

export interface DiskWatchDeps {
  readonly disks: Disks;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Least free space of the state directory for launches, as it is wished for now. */
  readonly minFreeBytes: () => number;
  /** Called when launches may go on, or may not any more. */
  readonly onChange: () => void;
}

/** What is known of the disks. */
export interface DiskWatch {
  /** As of the last look. */
  disks(): readonly DiskSpace[];
  /** Why nothing is launched, for want of space; empty when there is enough. */
  problem(): string;
  stop(): Promise<void>;
}

/** Looks at the disks now, and from then on every few seconds. A look that fails changes nothing. */
export async function watchDisks({ disks, clock, logger, minFreeBytes, onChange }: DiskWatchDeps): Promise<DiskWatch> {
  const stopping = new AbortController();
  let seen: readonly DiskSpace[] = [];
  let problem = "";

  const look = async (): Promise<void> => {
    try {
      const found = await disks.look();
      seen = found;
      const next = problemOf(found[0], minFreeBytes());
      if ((next === "") === (problem === "")) return;
      if (next === "") logger.info({ was: problem }, "the disk has room again");
      else logger.warn({}, `nothing is launched: ${next}`);
      problem = next;
      onChange();
    } catch (error) {
      logger.warn({ err: error }, "could not look at the disks, will look again");
    }
  };
  const looks = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await clock.sleep(LOOK_MS, stopping.signal).catch(() => undefined);
      if (!stopping.signal.aborted) await look();
    }
  };

  await look();
  const ended = looks();
  return {
    disks: () => seen,
    problem: () => problem,
    stop() {
      stopping.abort();
      return ended;
    },
  };
}

function problemOf({ path, freeBytes }: DiskSpace, minFreeBytes: number): string {
  if (freeBytes >= minFreeBytes) return "";
  const free = Math.floor(freeBytes / 2 ** 20).toLocaleString("en");
  return `${free} MiB are free at ${path}, less than min_free_disk (${formatSize(minFreeBytes)})`;
}
