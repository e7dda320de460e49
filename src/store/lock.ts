import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConflictError } from "../domain/errors.ts";
import { isBusy, openDatabase, storeErrorFrom } from "./sqlite.ts";

/** One process's hold on a state directory. */
export interface StateDirLock {
  release(): void;
}

/**
 * Takes a state directory for this process alone, for as long as the process lives: the hold is a lock of the kernel,
 * so it ends with the process, however that ends, and children do not inherit it.
 * @throws ConflictError `state-dir-in-use`, at once, naming the holder.
 */
export function lockStateDir(stateDir: string): StateDirLock {
  const lockPath = join(stateDir, "manager.lock");
  const pidPath = join(stateDir, "manager.pid");
  writeFileSync(lockPath, "", { flag: "a", mode: 0o600 });
  const database = openDatabase(lockPath, 0);
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    throw isBusy(error) ? inUse(stateDir, pidPath) : storeErrorFrom(error, lockPath);
  }
  noteHolder(pidPath);
  return {
    release() {
      rmSync(pidPath, { force: true });
      database.close();
    },
  };
}

/** The lock holds without the note, which a full disk may have no room for. */
function noteHolder(pidPath: string): void {
  try {
    writeFileSync(pidPath, `${process.pid}\n`, { mode: 0o600 });
  } catch {
    rmSync(pidPath, { force: true });
  }
}

function inUse(stateDir: string, pidPath: string): ConflictError {
  const pid = holderFrom(pidPath);
  const holder = pid === "" ? "another process" : `process ${pid}`;
  const stop = pid === "" ? "stop it" : `stop it (kill ${pid})`;
  const text = `State directory ${stateDir} is in use by ${holder}: ${stop}, or set another \`state_dir\` for this one`;
  return new ConflictError("state-dir-in-use", text);
}

function holderFrom(pidPath: string): string {
  try {
    return /^\d+/.exec(readFileSync(pidPath, "utf8"))?.[0] ?? "";
  } catch {
    // The holder took the lock a moment ago and has not written its pid yet.
    return "";
  }
}
