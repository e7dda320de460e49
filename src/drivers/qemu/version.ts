import { stat } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { PROGRAM, readQemuVersion } from "./accelerator.ts";

/**
 * Answers how to read QEMU's version, which asks the program once for each file that it is found to be: a manager may outlive
 * an upgrade of QEMU, and what one version saved another does not restore.
 */
export function createVersionReader(): (signal: AbortSignal) => Promise<string> {
  let known: { readonly file: string; readonly version: string } | undefined;
  return async (signal) => {
    const file = await fileOfProgram();
    if (known === undefined || known.file !== file) known = { file, version: await readQemuVersion(signal) };
    return known.version;
  };
}

/** Tells the first such file on the PATH from any that comes to its place; empty when there is none. */
async function fileOfProgram(): Promise<string> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const found = await stat(join(folder, PROGRAM)).catch(() => undefined);
    if (found?.isFile() === true) return [folder, found.ino, found.size, found.mtimeMs].join("|");
  }
  return "";
}
