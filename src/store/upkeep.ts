import type { DatabaseSync } from "node:sqlite";

/** Changes between two rounds of upkeep: SQLite's log holds some 4 MB by then. */
const CHANGES_A_ROUND = 400;
/** After so many a round does not wait any more for a moment in which nobody commits. */
const MOST_CHANGES = 2_000;
/** In pages of 4 KiB. SQLite moves so long a log into the database by itself, within somebody's commit. */
const LONGEST_LOG_PAGES = 8_000;

/** What a store does for itself between commits, so that none of them waits for it. */
export interface Upkeep {
  /** Told of each commit, once whoever waited for it knows. */
  committed(changes: number): void;
}

/**
 * Has a commit wait for one fsync, its own: what SQLite would else do within one of some hundreds, which is to move its log into the
 * database (two more), and to begin the log anew with the next one (one more), is done here when nothing is being committed.
 * @param prune removes what is old, in a transaction of its own.
 * @param isBusy whether somebody waits for a commit.
 * @param onError told of what went wrong: the next round makes up for it.
 */
export function createUpkeep(
  database: DatabaseSync,
  { prune, isBusy, onError }: { prune: () => void; isBusy: () => boolean; onError: (error: unknown) => void },
): Upkeep {
  database.exec(`PRAGMA wal_autocheckpoint = ${LONGEST_LOG_PAGES}`);
  let changesSince = 0;
  let isDue = false;

  const round = (): void => {
    try {
      prune();
      database.exec("PRAGMA wal_checkpoint(PASSIVE)");
      beginLogAnew(database);
    } catch (error) {
      onError(error);
    }
  };
  const turn = (): void => {
    // Closed meanwhile.
    if (!database.isOpen) return;
    if (isBusy() && changesSince < MOST_CHANGES) {
      setImmediate(turn);
      return;
    }
    isDue = false;
    changesSince = 0;
    round();
  };
  return {
    committed(changes) {
      changesSince += changes;
      if (changesSince < CHANGES_A_ROUND || isDue) return;
      isDue = true;
      setImmediate(turn);
    },
  };
}

/** Writes a value that is there already: the first write after a checkpoint is the one that starts SQLite's log from its beginning. */
function beginLogAnew(database: DatabaseSync): void {
  const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
  database.exec(`PRAGMA user_version = ${version}`);
}
