import type { DatabaseSync } from "node:sqlite";
import { MayflyError, SystemError } from "../domain/errors.ts";

/** How long a statement waits for a stranger (a backup, someone's sqlite3) that holds the file, in milliseconds. */
const BUSY_TIMEOUT_MS = 5000;

// Primary result codes: https://www.sqlite.org/rescode.html
const BUSY = 5;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const NOTADB = 26;

/** Opens a database file. @param busyTimeoutMs 0 answers at once when another process holds it. */
export function openDatabase(path: string, busyTimeoutMs: number = BUSY_TIMEOUT_MS): DatabaseSync {
  const { DatabaseSync } = importQuietly();
  return new DatabaseSync(path, { timeout: busyTimeoutMs });
}

/** Opens a database file for somebody who only looks. */
export function openToRead(path: string): DatabaseSync {
  const { DatabaseSync } = importQuietly();
  return new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, readOnly: true });
}

/** Tells whether SQLite refused because another connection holds the lock. */
export const isBusy = (error: unknown): boolean => primaryCode(error) === BUSY;

/** Classifies what SQLite threw; our own errors and bugs pass unchanged. */
export function storeErrorFrom(error: unknown, path: string): unknown {
  if (error instanceof MayflyError) return error;
  const cause = { cause: error };
  switch (primaryCode(error)) {
    case undefined:
      return error;
    case FULL:
      return new SystemError("disk-full", `No space left on the disk that holds ${path}`, cause);
    case BUSY:
      return new SystemError("store-busy", `Another program keeps ${path} locked: end it and try again`, cause);
    case CORRUPT:
    case NOTADB:
      return corruptError(path, textOf(error), error);
    case IOERR:
      return new SystemError("store-io", `Reading or writing ${path} failed: ${textOf(error)}`, cause);
    default:
      return new SystemError("store-failed", `The store ${path} failed: ${textOf(error)}`, cause);
  }
}

/** Says that a store's file is damaged, and what to do. @param found what SQLite says about it. */
function corruptError(path: string, found: string, cause?: unknown): SystemError {
  const text = `${path} is damaged (${found}): restore it from a copy, or move it and its -wal file away to start anew; machines that it knew are ended as nobody's then`;
  return new SystemError("store-corrupt", text, { cause });
}

/** Finds damage now that would else be met in the middle of the work. @throws SystemError `store-corrupt`. Takes 0.3 s for a full store of 50 MB. */
export function checkWhole(database: DatabaseSync, path: string): void {
  const found = database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
  if (found !== "ok") throw corruptError(path, String(found).replaceAll("\n", " "));
}

/** Loads SQLite without the notice that Node 22 prints at its first use: it tells an operator nothing. */
function importQuietly(): typeof import("node:sqlite") {
  const { emitWarning } = process;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
    if (String(warning).includes("SQLite is an experimental feature")) return;
    Reflect.apply(emitWarning, process, [warning, ...rest]);
  };
  try {
    return process.getBuiltinModule("node:sqlite");
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** SQLite's result code without its extension; undefined for an error that is not SQLite's. */
function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return Number(error.errcode) & 0xff;
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
