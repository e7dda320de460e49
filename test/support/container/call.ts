import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execFileAsync = promisify(execFile);
/** npm tells each file that it packs. */
const MOST_OUTPUT_BYTES = 64 * 2 ** 20;

/** Runs a program to its end and answers its stdout. @throws Error with its last words. */
export type Call = (program: string, args: readonly string[]) => Promise<string>;

/** Creates calls that `signal` ends. */
export function createCall(signal: AbortSignal): Call {
  return async (program, args) => {
    try {
      const { stdout } = await execFileAsync(program, args, { signal, maxBuffer: MOST_OUTPUT_BYTES });
      return stdout;
    } catch (cause) {
      const { stdout = "", stderr = "", message } = cause as Error & { stdout?: string; stderr?: string };
      const words = `${stdout}${stderr}`.trim().split("\n").slice(-20).join("\n");
      throw new Error(`Expected ${program} ${args.join(" ")} to succeed, got: ${words || message}`, { cause });
    }
  };
}
