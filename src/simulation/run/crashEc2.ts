import type { DesiredPool } from "../../domain/pool.ts";
import { dayInEc2, EC2_SHAPE } from "../ec2/day.ts";
import { CRASH_SCENARIO, faultsFrom } from "./crashDay.ts";
import type { CrashScenario } from "./crashDay.ts";

const inEc2 = (pool: DesiredPool): DesiredPool => ({
  ...{ ...pool, shape: EC2_SHAPE },
  ...{ maxMachines: 4, idleCount: 2, maxGrowthRate: 4 },
});

/** A spot market that has nothing, and one that takes back what it gave. */
const FAULTS = faultsFrom([
  ["spot-empty", 0, 30],
  ["launch-no-capacity", 18, 15],
  ["spot-notice", 65, 0],
  ["front-door-dies", 85, 0],
  ["terminate-slow", 100, 40],
  ["manager-hand-over", 150, 0],
  ["pool-drained", 170, 0],
]);

/** The scenario of most ports in an account of EC2 that shows its instances late, and is asked for two of them by one call. */
export const EC2_SCENARIO: CrashScenario = {
  ...CRASH_SCENARIO,
  day: dayInEc2({ ...CRASH_SCENARIO.day, maxMachines: 4 }, inEc2, {
    pendingMs: 1_000,
    showMs: [1_000, 3_000],
    pageSize: 1_000,
    emptyZones: [],
  }),
  faults: FAULTS,
};
