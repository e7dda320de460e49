import type { Day } from "../world/day.ts";
import { CRASH_DAY, faultsFrom, jobOf } from "./crashDay.ts";
import type { CrashScenario } from "./crashDay.ts";

const SECOND_MS = 1_000;

const DAY: Day = {
  ...CRASH_DAY,
  pools: CRASH_DAY.pools.map((pool) => ({ ...pool, maxMachines: 3, stoppedCount: 1 })),
  maxMachines: 3,
  jobs: [
    // Takes the idle machine, in whose place the stopped one is started.
    jobOf("job-1", 100, 15, "outside"),
    jobOf("job-2", 108, 30, "inside"),
    // Its start finds no room.
    jobOf("job-3", 230, 20, "outside"),
    jobOf("job-4", 231, 20, "inside"),
  ],
  provider: { ...CRASH_DAY.provider, stopMs: [2 * SECOND_MS, 8 * SECOND_MS] },
};

/** A few minutes in which machines are stopped, with answers that are lost, and started, once without room, and drained at last. */
export const STOPPED_SCENARIO: CrashScenario = {
  day: DAY,
  lengthMs: 330 * SECOND_MS,
  faults: faultsFrom([
    ["stop-answer-lost", 15, 40],
    ["start-no-capacity", 225, 20],
    ["pool-drained", 300, 0],
  ]),
};
