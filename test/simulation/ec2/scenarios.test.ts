import { expect, it } from "vitest";
import type { DesiredPool } from "../../../src/domain/pool.ts";
import { dayInEc2, EC2_SHAPE } from "../../../src/simulation/ec2/day.ts";
import type { Fault, FaultKind } from "../../../src/simulation/faults/kinds.ts";
import { runDay } from "../../../src/simulation/run/runDay.ts";
import type { DayResult } from "../../../src/simulation/run/runDay.ts";
import { planDay } from "../../../src/simulation/world/day.ts";
import type { Ec2Habits, PlannedJob } from "../../../src/simulation/world/day.ts";
import { pool } from "../../support/pools.ts";
import { range } from "../liveThrough.ts";
import { ec2CallsOf } from "./liveThrough.ts";

// What an account of EC2 does to its users, one thing at a time, with every promise checked after each step.

const MINUTE_MS = 60_000;
const HABITS: Ec2Habits = { pendingMs: 5_000, showMs: [500, 4_000], pageSize: 1_000, emptyZones: [] };

interface Scenario {
  readonly pool: Partial<DesiredPool>;
  /** When jobs come, in minutes. Each runs for two. */
  readonly jobsAt: readonly number[];
  readonly lengthMs: number;
  readonly ec2?: Partial<Ec2Habits>;
  readonly faults?: readonly (readonly [kind: FaultKind, atMin: number, forMin: number, rate?: number])[];
}

/** Lives through a scenario, and expects that it keeps every promise and serves every job on a machine of its own. */
async function live({ pool: wished, jobsAt, lengthMs, ec2 = {}, faults = [] }: Scenario): Promise<DayResult> {
  const desired = pool({ ...wished, shape: EC2_SHAPE });
  const jobs = jobsAt.map((atMin, index): PlannedJob => {
    const times = { atMs: atMin * MINUTE_MS, runMs: 2 * MINUTE_MS, ttlMs: MINUTE_MS, waitTimeoutMs: 60 * MINUTE_MS };
    return { name: `job-${index + 1}`, poolName: desired.name, holder: "outside", ...times };
  });
  const plan = { ...planDay(1), pools: [desired], maxMachines: desired.maxMachines, jobs };
  const day = dayInEc2(plan, (one) => one, { ...HABITS, ...ec2 });
  const planned = faults.map(
    ([kind, atMin, forMin, rate = 1], index): Fault => ({
      ...{ index, kind, rate, value: 0 },
      ...{ atMs: atMin * MINUTE_MS, forMs: forMin * MINUTE_MS },
    }),
  );
  const result = await runDay(day, { faults: planned, lengthMs, keepsJournal: true });
  expect(result.violations).toEqual([]);
  expect(result.jobsServed).toBe(jobs.length);
  return result;
}

/** Where machines were launched, in order: `spot in eu-central-1a` and the like, with their minute. */
const launchesOf = ({ lines }: DayResult): { readonly atMin: number; readonly where: string }[] =>
  lines.flatMap(({ atMs, what }) => {
    const [, where] = /^instance launched: (.+)$/.exec(what) ?? [];
    return where === undefined ? [] : [{ atMin: atMs / MINUTE_MS, where }];
  });

it("serves all jobs from the one zone that has something, and asks the two others seldom", async () => {
  const result = await live({
    pool: { idleCount: 2, maxMachines: 20, maxGrowthRate: 5 },
    jobsAt: range(1, 60),
    lengthMs: 80 * MINUTE_MS,
    ec2: { emptyZones: ["eu-central-1a", "eu-central-1b"] },
  });

  expect(new Set(launchesOf(result).map(({ where }) => where))).toEqual(new Set(["spot in eu-central-1c"]));
  // One fleet for the two that are wished for at the start, and one for each that comes later: the third zone is on its list,
  // and what has nothing costs no call.
  expect(result.callsByPort.get("ec2.CreateFleet")).toBe(result.machines - 1);
});

it("brings 200 machines asked for at once in a throttled account, by few calls, and judges none of them dead", async () => {
  const result = await live({
    pool: { idleCount: 0, maxMachines: 200, maxGrowthRate: 200 },
    jobsAt: Array.from({ length: 200 }, () => 2),
    lengthMs: 3 * MINUTE_MS,
    // Beside the account's own rates, another tool drains its buckets now and then; a third of what is young is shown late.
    faults: [
      ["calls-throttled", 0, 30, 0.4],
      ["describe-late", 0, 30, 0.3],
    ],
  });

  expect(result.faults.get("calls-throttled")).toBeGreaterThan(20);
  expect(result.faults.get("describe-late")).toBeGreaterThan(30);
  expect(result.machines).toBe(200);
  // 13 calls bring them, those that were throttled apart.
  expect(result.callsByPort.get("driver.launch")).toBe(13);
  expect(result.callsByPort.get("ec2.CreateFleet")).toBeLessThan(2 * 13);
  expect(ec2CallsOf(result) / 200).toBeLessThan(0.8);
});

it("takes on-demand machines while the spot market has nothing, and spot ones again once it has", async () => {
  const result = await live({
    pool: { idleCount: 1, maxMachines: 10 },
    jobsAt: range(1, 90),
    lengthMs: 110 * MINUTE_MS,
    faults: [["spot-empty", 0, 40]],
  });

  const marketsIn = (from: number, to: number): string[] =>
    launchesOf(result).flatMap(({ atMin, where }) => (atMin >= from && atMin < to ? (where.split(" ")[0] ?? "") : []));
  expect(new Set(marketsIn(0, 40))).toEqual(new Set(["on-demand"]));
  expect(new Set(marketsIn(44, 90))).toEqual(new Set(["spot"]));
});

it("leaves the spot market alone for half an hour once it has taken two machines back", async () => {
  const result = await live({
    pool: { idleCount: 4, maxMachines: 12, maxGrowthRate: 4 },
    jobsAt: range(1, 90).filter((atMin) => atMin < 28 || atMin > 32),
    lengthMs: 110 * MINUTE_MS,
    faults: [["spot-raid", 30, 0]],
  });

  const marketsIn = (from: number, to: number): string[] =>
    launchesOf(result).flatMap(({ atMin, where }) => (atMin >= from && atMin < to ? (where.split(" ")[0] ?? "") : []));
  expect(new Set(marketsIn(0, 30))).toEqual(new Set(["spot"]));
  expect(new Set(marketsIn(30.5, 60))).toEqual(new Set(["on-demand"]));
  expect(new Set(marketsIn(61, 90))).toEqual(new Set(["spot"]));
});
