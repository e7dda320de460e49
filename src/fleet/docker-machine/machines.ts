import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Call } from "./call.ts";
import { readMachine } from "./machineFile.ts";
import type { MachineFile } from "./machineFile.ts";

/** A directory under `machines`. */
export interface ListedMachine {
  readonly name: string;
  /** Absent when it cannot be read. */
  readonly file?: MachineFile;
  readonly error?: string;
}

/** All machines of a storage path, by name. */
export function allMachines(call: Pick<Call, "storagePath">): readonly ListedMachine[] {
  return namesIn(join(call.storagePath, "machines")).map((name) => {
    try {
      return { name, file: readMachine(call, name) };
    } catch (error) {
      return { name, error: (error as Error).message };
    }
  });
}

function namesIn(dir: string): readonly string[] {
  try {
    const entries = readdirSync(dir, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith(".")).map(({ name }) => name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
