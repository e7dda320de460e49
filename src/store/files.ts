import { SystemError } from "../domain/errors.ts";

/** Waits for a call of the file system and names its error. @param doing what was tried, e.g. `open archive 12ab`. @throws SystemError */
export async function onDisk<Value>(doing: string, call: Promise<Value>): Promise<Value> {
  try {
    return await call;
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    const cause = { cause: error };
    if (code === "ENOSPC" || code === "EDQUOT") {
      throw new SystemError("disk-full", `No space left on the disk to ${doing}`, cause);
    }
    throw new SystemError("file-failed", `Could not ${doing}: ${code}`, cause);
  }
}

/** Tells whether a file or directory is not there, also when the error was named since. */
export function isMissing(error: unknown): boolean {
  const { code, cause } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || (cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
}
