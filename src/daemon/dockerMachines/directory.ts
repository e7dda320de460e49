import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { LookAtDirectory } from "../../ports/dockerMachines.ts";

/** Looks at the file that the runner itself takes for the machine: `machines/NAME/config.json`. */
export const lookAtDirectory: LookAtDirectory = async ({ id, name, storagePath }) => {
  try {
    const text = await readFile(join(storagePath, "machines", name, "config.json"), "utf8");
    // Another machine of the same name has taken its place.
    return text.includes(`"${id}"`) ? "there" : "gone";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ENOTDIR" ? "gone" : "unknown";
  }
};
