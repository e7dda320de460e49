import type { DatabaseSync } from "node:sqlite";
import type { Change } from "../ports/store.ts";

interface Pending {
  readonly changes: readonly Change[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Where commits come in numbers, a batch gathers for so many turns of the event loop. Node takes one new connection a turn, so
 * that with a wait for the disk in each of them a thousand callers would stand before the door. Two hundredths of such a wait.
 */
const TURNS_OF_MANY = 16;

/** Commits that share their way to the disk. */
export interface CommitQueue {
  commit(changes: readonly Change[]): Promise<void>;
  /** Writes what waits. Every promise is settled afterwards. */
  flush(): void;
  isBusy(): boolean;
}

/**
 * Makes a queue in which the commits of a turn of the event loop, or of a few, share one transaction, and so one fsync. Each is
 * still all or nothing by itself: one that is refused leaves the others alone.
 * @param apply writes one change; throws when it is refused.
 * @param classify names an error of the database for the caller.
 * @param makeRoom called when a commit failed by itself; answers whether it is worth another try.
 */
export function createCommitQueue(
  database: DatabaseSync,
  apply: (change: Change) => void,
  classify: (error: unknown) => unknown,
  makeRoom: (error: unknown, changes: readonly Change[]) => boolean = () => false,
): CommitQueue {
  let waiting: Pending[] = [];
  let turns = 0;

  const flush = (): void => {
    const batch = waiting;
    waiting = [];
    turns = batch.length > 1 ? TURNS_OF_MANY : 0;
    if (batch.length > 0) write(batch);
  };
  const flushAfter = (left: number): void => {
    if (left === 0) flush();
    else setImmediate(flushAfter, left - 1);
  };

  const write = (batch: readonly Pending[]): void => {
    const refusals = new Map<Pending, unknown>();
    try {
      database.exec("BEGIN IMMEDIATE");
      for (const pending of batch) {
        const refusal = applyOne(database, pending.changes, apply);
        if (refusal !== undefined) refusals.set(pending, refusal.error);
      }
      database.exec("COMMIT");
    } catch (error) {
      rollBack(database);
      // Alone, each gets what it deserves: a job too big for the disk must not fail the small record beside it.
      for (const pending of batch) {
        if (batch.length > 1 || makeRoom(error, pending.changes)) write([pending]);
        else pending.reject(classify(error));
      }
      return;
    }
    for (const pending of batch) {
      if (refusals.has(pending)) pending.reject(classify(refusals.get(pending)));
      else pending.resolve();
    }
  };

  return {
    commit: (changes) =>
      new Promise((resolve, reject) => {
        if (waiting.length === 0) setImmediate(flushAfter, turns);
        waiting.push({ changes, resolve, reject });
      }),
    flush,
    isBusy: () => waiting.length > 0,
  };
}

function rollBack(database: DatabaseSync): void {
  try {
    if (database.isTransaction) database.exec("ROLLBACK");
  } catch {
    // What made it necessary is what the callers must hear; SQLite rolls back by itself at the next opening.
  }
}

/** Applies one commit's changes within the open transaction, or none of them. @throws when the transaction itself is lost. */
function applyOne(
  database: DatabaseSync,
  changes: readonly Change[],
  apply: (change: Change) => void,
): { readonly error: unknown } | undefined {
  database.exec("SAVEPOINT one");
  try {
    for (const change of changes) apply(change);
  } catch (error) {
    // A full disk rolls back the whole transaction by itself.
    if (!database.isTransaction) throw error;
    database.exec("ROLLBACK TO one");
    database.exec("RELEASE one");
    return { error };
  }
  database.exec("RELEASE one");
  return undefined;
}
