import type { RowReader } from "./row.ts";

/** Source: the Standard Workload Format of the Parallel Workloads Archive: comments begin with `;`, fields are parted by blanks. */
const UNIX_START = /^;\s*UnixStartTime:\s*(\d+)/;
const [SUBMIT, RUN_TIME] = [1, 3];
/** The end of the year 9999. */
const LAST_S = 253_402_300_799;

/** Reads SWF lines; the header's UnixStartTime is added to the submit times. */
export function createSwfReader(): RowReader<string> {
  let startS = 0;
  return (line) => {
    if (line.startsWith(";")) {
      startS = Number(UNIX_START.exec(line)?.[1] ?? startS);
      return undefined;
    }
    const fields = line.trim().split(/\s+/).map(Number);
    const [submitS = Number.NaN, runS = -1] = [fields[SUBMIT], fields[RUN_TIME]];
    if (!(submitS >= 0))
      return `Expected the submit time, the 2nd field, to be seconds ≥ 0, got "${line.slice(0, 80)}"`;
    if (!(runS >= 0 || runS === -1))
      return `Expected the run time, the 4th field, to be seconds, or -1 where it is not known, got "${line.slice(0, 80)}"`;
    if (!(startS + submitS <= LAST_S))
      return `Expected the submit time, the 2nd field, to be seconds ≥ 0 up to the year 9999, got "${line.slice(0, 80)}"`;
    return {
      readyAt: (startS + submitS) * 1000,
      durationMs: runS >= 0 ? runS * 1000 : undefined,
      count: 1,
      withinMs: 0,
    };
  };
}
