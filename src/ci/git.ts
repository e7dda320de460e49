import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { SystemError } from "../domain/errors.ts";

const run = promisify(execFile);
/** Enough for the names of millions of files. */
const MAX_OUTPUT_BYTES = 512 * 1024 * 1024;

/** Runs git in a folder and answers its stdout. @throws SystemError `git-failed` with git's words. */
export async function git(folder: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  try {
    const { stdout } = await run("git", ["-C", folder, ...args], { maxBuffer: MAX_OUTPUT_BYTES, signal });
    return stdout;
  } catch (error) {
    signal.throwIfAborted();
    const { stderr, message } = error as Error & { stderr?: string };
    const words = stderr?.trim() || message;
    throw new SystemError("git-failed", `git could not read ${folder}: ${words}`, { cause: error });
  }
}
