import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { MayflyError, SystemError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { Change, Store } from "../ports/store.ts";
import { applyChange } from "./apply.ts";
import { createCommitQueue } from "./commits.ts";
import { lockStateDir } from "./lock.ts";
import { migrate } from "./migrations.ts";
import { preparePrune } from "./prune.ts";
import { createReserve, isBeginning } from "./reserve.ts";
import type { Reserve } from "./reserve.ts";
import { DEFAULT_RETENTION } from "./retention.ts";
import type { Retention } from "./retention.ts";
import { checkWhole, openDatabase, storeErrorFrom } from "./sqlite.ts";
import { prepareTables } from "./tables.ts";
import { createUpkeep } from "./upkeep.ts";

/** What a store needs from outside. */
export interface StoreDeps {
  readonly clock: Pick<Clock, "now">;
  readonly logger: Logger;
  /** @default the newest 10,000 of each kind, 30 days */
  readonly retention?: Retention | undefined;
  /** What opens it, e.g. `mayfly 0.1.0`: a mayfly that is too old for the file names it. @default "mayfly" */
  readonly writer?: string | undefined;
}

/**
 * Opens the store in a state directory, made when it is not there (mode 0700), for this process alone.
 * @throws ConflictError `state-dir-in-use` at once when another process holds it; SystemError `store-newer`,
 * `store-corrupt`, `state-dir-unusable`.
 */
export async function openStore(stateDir: string, deps: StoreDeps): Promise<Store> {
  const path = join(stateDir, "mayfly.db");
  prepareStateDir(stateDir);
  const lock = lockStateDir(stateDir);
  const reserve = createReserve(stateDir);
  try {
    const database = openPrivate(path, deps.writer ?? "mayfly", reserve);
    reserve.restore();
    return storeOn(database, path, { ...deps, reserve }, () => {
      database.close();
      lock.release();
    });
  } catch (error) {
    lock.release();
    throw storeErrorFrom(error, path);
  }
}

/**
 * Makes a state directory, if it is not there (mode 0700), and proves that files can be made in it.
 * @throws SystemError `state-dir-unusable`.
 */
export function prepareStateDir(stateDir: string): void {
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    // SQLite gives its journal the mode of the database.
    writeFileSync(join(stateDir, "mayfly.db"), "", { flag: "a", mode: 0o600 });
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    const reason = REASONS[code] ?? code;
    const text = `State directory ${stateDir} cannot be written (${reason}): make it writable, or set another \`state_dir\``;
    throw new SystemError("state-dir-unusable", text, { cause: error });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EROFS: "its file system is read-only",
  EACCES: "permission is denied",
  ENOSPC: "no space is left there",
};

function openPrivate(path: string, writer: string, reserve: Reserve): DatabaseSync {
  try {
    return openWith(path, writer);
  } catch (error) {
    // A full disk has no room for what SQLite keeps beside the file; a damaged one is not mended by more of it.
    if (!ROOM_HELPS.has(codeOf(storeErrorFrom(error, path))) || !reserve.spend()) throw error;
    return openWith(path, writer);
  }
}

const ROOM_HELPS: ReadonlySet<string> = new Set(["disk-full", "store-io", "store-failed"]);
const codeOf = (error: unknown): string => (error instanceof MayflyError ? error.code : "");

function openWith(path: string, writer: string): DatabaseSync {
  chmodSync(path, 0o600);
  const database = openDatabase(path);
  try {
    // secure_delete: a removed private key is overwritten, not only unlinked.
    database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA secure_delete = ON;
      PRAGMA journal_size_limit = 67108864;
    `);
    checkWhole(database, path);
    migrate(database, path, writer);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

interface StoreParts extends StoreDeps {
  readonly reserve: Reserve;
}

const noRoomError = (path: string): SystemError =>
  new SystemError("disk-full", `The disk that holds ${path} is full: nothing new is begun before it has room`);

function storeOn(database: DatabaseSync, path: string, deps: StoreParts, closeAll: () => void): Store {
  const tables = prepareTables(database);
  const prune = preparePrune(database, deps.retention ?? DEFAULT_RETENTION);
  const classify = (error: unknown): unknown => storeErrorFrom(error, path);
  const { reserve, logger } = deps;
  const makeRoom = (error: unknown, changes: readonly Change[]): boolean => {
    if (codeOf(classify(error)) !== "disk-full" || isBeginning(changes) || !reserve.spend()) return false;
    logger.warn({ path }, "the disk is full: what happens is recorded in the reserve, and nothing new is begun");
    return true;
  };
  const queue = createCommitQueue(database, (change) => applyChange(tables, change), classify, makeRoom);
  let isOpen = true;

  const read = async <Value>(query: () => Value): Promise<Value> => {
    if (!isOpen) throw new SystemError("store-closed", `The store ${path} is closed`);
    try {
      return query();
    } catch (error) {
      throw classify(error);
    }
  };
  const pruneNow = (): void => {
    try {
      database.exec("BEGIN IMMEDIATE");
      prune(deps.clock.now());
      database.exec("COMMIT");
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      // What was committed stands; the next pruning makes up for this one.
      logger.warn({ err: classify(error) }, "could not prune the store");
    }
  };
  pruneNow();
  const upkeep = createUpkeep(database, {
    prune: pruneNow,
    isBusy: queue.isBusy,
    onError: (error) => logger.warn({ err: classify(error) }, "could not keep the store's log short"),
  });

  return {
    async commit(changes) {
      if (!isOpen) throw new SystemError("store-closed", `The store ${path} is closed`);
      if (!reserve.isHeld() && reserve.restore()) logger.info({ path }, "the disk has room again, the reserve is back");
      if (!reserve.isHeld() && isBeginning(changes)) throw noRoomError(path);
      await queue.commit(changes);
      upkeep.committed(changes.length);
    },
    liveMachines: () => read(() => tables.machines.open()),
    machine: (id) => read(() => tables.machines.get(id)),
    recentMachines: (limit) => read(() => tables.machines.recent(limit)),
    keysOf: (id) => read(() => tables.keys.get(id)),
    openLeases: () => read(() => tables.leases.open()),
    lease: (id) => read(() => tables.leases.get(id)),
    recentLeases: (limit) => read(() => tables.leases.recent(limit)),
    openJobs: () => read(() => tables.jobs.open()),
    job: (id) => read(() => tables.jobs.get(id)),
    jobSpec: (id) => read(() => tables.specs.get(id)),
    jobProgress: (id) => read(() => tables.progress.get(id)),
    recentJobs: (limit) => read(() => tables.jobs.recent(limit)),
    poolModes: () => read(() => tables.poolModes.all()),
    poolMemory: (poolName) => read(() => tables.planner.memoryOf(poolName)),
    decisionsOf: (poolName, limit) => read(() => tables.planner.decisionsOf(poolName, limit)),
    shadowMemories: (poolName) => read(() => tables.shadows.memoriesOf(poolName)),
    shadowPeriods: (poolName, name, limit) => read(() => tables.shadows.periodsOf(poolName, name, limit)),
    eventsOf: (id) => read(() => tables.eventsOf(id)),
    async close() {
      if (!isOpen) return;
      queue.flush();
      isOpen = false;
      closeAll();
    },
  };
}
