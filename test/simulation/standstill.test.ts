import { expect, it } from "vitest";
import { runDay } from "../../src/simulation/run/runDay.ts";
import { planDay } from "../../src/simulation/world/day.ts";
import { pool } from "../support/pools.ts";

const MINUTE_MS = 60_000;
const STANDSTILLS_S = [6, 9, 10, 11, 12, 13, 20, 40, 90, 600];
const cases = STANDSTILLS_S.flatMap((seconds) =>
  (["outside", "inside"] as const).map((holder) => ({ seconds, holder })),
);

it.each(cases)(
  "takes no machine from a holder $holder the manager after a standstill of $seconds s",
  async ({ seconds, holder }) => {
    const [planned] = planDay(1).jobs;
    if (planned === undefined) throw new Error("a day without jobs");
    const job = { ...planned, poolName: "small", holder, ttlMs: 10_000, runMs: 20 * MINUTE_MS };
    const day = {
      ...planDay(1),
      pools: [pool({ idleCount: 1 })],
      maxMachines: 10,
      jobs: [{ ...job, atMs: 2 * MINUTE_MS }],
    };
    const value = Math.log(seconds / 5) / Math.log(180);
    const standstill = {
      kind: "manager-stands-still" as const,
      atMs: 5 * MINUTE_MS,
      forMs: 0,
      rate: 1,
      value,
      index: 0,
    };

    const { violations, jobsServed, faults } = await runDay(day, { faults: [standstill], lengthMs: 30 * MINUTE_MS });

    expect(violations).toEqual([]);
    expect([...faults.keys()]).toEqual(["manager-stands-still"]);
    expect(jobsServed).toBe(1);
  },
);
