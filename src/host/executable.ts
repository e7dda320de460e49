import { accessSync, constants } from "node:fs";

/** Tells whether a path leads to something that this user may run. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
