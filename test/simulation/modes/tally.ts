import type { DayResult } from "../../../src/simulation/run/runDay.ts";

const HOUR_MS = 3_600_000;

/** What many runs came to. */
export interface Tally {
  runs: number;
  jobs: number;
  jobsServed: number;
  machines: number;
  machineHours: number;
  /** Managers killed at a port call. */
  kills: number;
  portCalls: number;
  readonly faults: Map<string, number>;
  readonly callsByPort: Map<string, number>;
  readonly killsByPort: Map<string, number>;
}

/** Starts at nothing. */
export const createTally = (): Tally => ({
  ...{ runs: 0, jobs: 0, jobsServed: 0, machines: 0, machineHours: 0, kills: 0, portCalls: 0 },
  ...{ faults: new Map(), callsByPort: new Map(), killsByPort: new Map() },
});

/** Adds one run. */
export function addRun(tally: Tally, result: DayResult): void {
  tally.runs += 1;
  tally.jobs += result.jobs;
  tally.jobsServed += result.jobsServed;
  tally.machines += result.machines;
  tally.machineHours += result.machineMs / HOUR_MS;
  tally.kills += result.kills.length;
  tally.portCalls += result.portCalls;
  for (const [kind, count] of result.faults) countBy(tally.faults, kind, count);
  for (const [port, count] of result.callsByPort) countBy(tally.callsByPort, port, count);
  for (const { port, moment } of result.kills) countBy(tally.killsByPort, `${moment} ${port}`, 1);
}

function countBy(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

/** The tally as JSON has it; `runs` goes by the caller's name for them. */
export const jsonOf = ({ runs: _runs, faults, callsByPort, killsByPort, ...totals }: Tally): object => ({
  ...totals,
  faults: sorted(faults),
  callsByPort: sorted(callsByPort),
  killsByPort: sorted(killsByPort),
});

/** Two columns, the highest count first. */
export const tableOf = (counts: ReadonlyMap<string, number>): string[] =>
  Object.entries(sorted(counts)).map(([name, count]) => `  ${String(count).padStart(9)} ${name}`);

const sorted = (counts: ReadonlyMap<string, number>): Record<string, number> =>
  Object.fromEntries([...counts].toSorted(([, a], [, b]) => b - a));
