import { SystemError } from "../domain/errors.ts";

/** Names a file system's error for the caller. @param doing what was tried, e.g. `write the log of job j-1`. */
export function fileErrorFrom(error: unknown, doing: string): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  const cause = { cause: error };
  if (error.code === "ENOSPC" || error.code === "EDQUOT") {
    return new SystemError("disk-full", `No space left on the disk to ${doing}`, cause);
  }
  return error.code === "ABORT_ERR"
    ? error
    : new SystemError("file-failed", `Could not ${doing}: ${error.code}`, cause);
}

/** Tells whether a file or directory is not there. */
export const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ENOENT";
