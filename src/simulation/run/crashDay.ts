import type { Fault, FaultKind } from "../faults/kinds.ts";
import type { Day, PlannedJob } from "../world/day.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** How long the scripted scenario lasts, before all is put to rest. In milliseconds. */
export const CRASH_LENGTH_MS = 210 * SECOND_MS;

const JOBS: readonly PlannedJob[] = [
  jobOf("job-1", 20, 15, "outside"),
  jobOf("job-2", 42, 20, "inside"),
  // Its front door dies.
  jobOf("job-3", 70, 120, "outside"),
  jobOf("job-4", 160, 20, "outside"),
];

/**
 * A few minutes that make a manager call every port: a warm machine is handed out, launches are refused, a job of the manager's
 * own runs, a front door dies with its lease, terminations are slow, the manager is restarted, and the pool is drained at last.
 */
export const CRASH_DAY: Day = {
  seed: 1,
  pools: [
    {
      name: "small",
      maxMachines: 2,
      idleCount: 1,
      idleTimeMs: MINUTE_MS,
      maxGrowthRate: 2,
      maxAgeMs: 60 * MINUTE_MS,
      bootTimeoutMs: 2 * MINUTE_MS,
      jobTimeoutMs: 60 * MINUTE_MS,
      orphanTimeoutMs: 15 * MINUTE_MS,
      guest: { user: "runner", docker: "dind", dataRoot: "/var/lib/docker" },
      shape: { driver: "simulated" },
    },
  ],
  maxMachines: 2,
  jobs: JOBS,
  provider: {
    callMs: [20, 60],
    bootMs: [4 * SECOND_MS, 9 * SECOND_MS],
    terminateMs: [100, 2 * SECOND_MS],
    callBudget: { burst: 10, perSecond: 2 },
    watch: true,
  },
};

/** What goes wrong in the scripted scenario besides the crashes. */
const CRASH_FAULTS = faultsFrom([
  ["launch-no-capacity", 18, 15],
  ["front-door-dies", 85, 0],
  ["terminate-slow", 100, 40],
  ["manager-hand-over", 150, 0],
  ["pool-drained", 170, 0],
]);

/** A script that managers are killed in. */
export interface CrashScenario {
  readonly day: Day;
  readonly faults: readonly Fault[];
  /** How long it lasts, before all is put to rest. In milliseconds. */
  readonly lengthMs: number;
}

/** The scenario of every port but those of stops and starts. */
export const CRASH_SCENARIO: CrashScenario = { day: CRASH_DAY, faults: CRASH_FAULTS, lengthMs: CRASH_LENGTH_MS };

/** Makes faults that strike every call: what strikes, from when on, and for how long, in seconds. */
export function faultsFrom(
  script: readonly (readonly [kind: FaultKind, atS: number, forS: number])[],
): readonly Fault[] {
  return script.map(([kind, atS, forS], index) => ({
    ...{ index, kind, atMs: atS * SECOND_MS, forMs: forS * SECOND_MS, rate: 1, value: 0 },
  }));
}

/** Makes a job of the scripted pool. */
export function jobOf(name: string, atS: number, runS: number, holder: PlannedJob["holder"]): PlannedJob {
  const times = {
    atMs: atS * SECOND_MS,
    runMs: runS * SECOND_MS,
    ttlMs: 30 * SECOND_MS,
    waitTimeoutMs: 60 * MINUTE_MS,
  };
  return { name, poolName: "small", holder, ...times };
}
