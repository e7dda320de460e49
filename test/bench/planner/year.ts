import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** What a replay through the manager's own loop takes, of a process of its own on this host. */
export interface YearReplay {
  readonly jobs: number;
  /** Goals: a minute, and 512. */
  readonly processorMs: number;
  readonly peakMiB: number;
}

/** Replays a year of 200,000 jobs at a constant level in a process of its own, whose memory is then that of the replay alone. */
export async function measureYear(signal: AbortSignal): Promise<YearReplay> {
  const file = new URL("./replayYear.ts", import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(process.execPath, [file], { signal });
  return JSON.parse(stdout) as YearReplay;
}
