import { formatSize } from "../../config/units.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import { blobsOf, bytesOf, chooseDoomed, removeBlobs } from "./cache.ts";

/** How often a cache is measured. It may be larger than its bound by what is fetched in the meantime. */
const LOOK_MS = 60_000;

/** A cache that is kept below its bound. */
export interface BoundCache {
  /** What it took at the last look. */
  bytes(): number;
  /** Resolves once nothing of it is looked at any more. */
  readonly ended: Promise<void>;
}

/** Measures a cache now and every minute, and removes what has been unused for longest from one that is too large. */
export function boundCache(
  cacheDir: string,
  maxBytes: number,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  signal: AbortSignal,
): BoundCache {
  let bytes = 0;
  const look = async (): Promise<void> => {
    try {
      const blobs = await blobsOf(cacheDir);
      const doomed = chooseDoomed(blobs, maxBytes);
      await removeBlobs(doomed);
      bytes = bytesOf(blobs) - bytesOf(doomed);
      if (doomed.length > 0)
        logger.info(
          { removed: doomed.length, bytes, maxBytes },
          `made room in the mirror's cache, which was larger than max_size (${formatSize(maxBytes)})`,
        );
    } catch (err) {
      logger.warn({ err }, "could not bound the mirror's cache, will try again");
    }
  };
  const looks = async (): Promise<void> => {
    while (!signal.aborted) {
      await look();
      await clock.sleep(LOOK_MS, signal).catch(() => undefined);
    }
  };
  return { bytes: () => bytes, ended: looks() };
}
