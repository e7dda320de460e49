import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createVirtualEc2, ENDPOINT } from "../../../support/ec2/inProcess.ts";
import type { VirtualEc2 } from "../../../support/ec2/inProcess.ts";
import { shapeAt } from "../../../support/ec2/lab.ts";
import { startCloudManager } from "../../../support/ec2/manager.ts";
import type { CloudManager } from "../../../support/ec2/manager.ts";
import { COLD_MS, hold, serveJobs } from "../../../support/ec2/serve.ts";
import { pool } from "../../../support/pools.ts";

// A whole manager, and what its jobs cost of the account's API.

it("costs at most one and a half calls a job at 100 jobs a minute, the looks at all machines included", async () => {
  const { calls, waitsMs } = await serveJobs({ jobs: 200, everyMs: 600, idleCount: 40 });

  expect(calls / 200).toBeLessThanOrEqual(1.5);
  expect(Math.max(...waitsMs)).toBe(0);
}, 60_000);

it("adds less than 300 ms of its own to a machine's cold start, of 100 a minute too", async () => {
  const { waitsMs } = await serveJobs({ jobs: 60, everyMs: 600, idleCount: 0 });

  expect(waitsMs).toHaveLength(60);
  for (const waitMs of waitsMs) expect(waitMs - COLD_MS).toBeLessThan(300);
}, 60_000);

describe("the claim path", () => {
  const JOBS = 10;
  let lab: VirtualEc2;
  let cloud: CloudManager;

  beforeEach(async () => {
    lab = createVirtualEc2();
    // No room for others, so that nothing but the claims themselves could call.
    const limits = { idleCount: JOBS, maxMachines: JOBS, maxGrowthRate: JOBS };
    cloud = await startCloudManager(lab, [pool({ name: "cloud", shape: shapeAt(ENDPOINT), ...limits })]);
    await lab.until(lab.clock.sleep(60_000));
  });
  afterEach(() => lab.until(cloud.running.handOver()));

  it("makes no API call: idle machines go to jobs at once, also while EC2 answers nobody", async () => {
    for (const action of ["CreateFleet", "DescribeInstances", "DescribeSpotInstanceRequests", "TerminateInstances"])
      for (let count = 0; count < 100; count += 1) lab.cloud.faults.push({ action, moment: "before", refusal: "cut" });
    const [callsBefore, askedAt] = [lab.cloud.calls.length, lab.clock.now()];

    const held = await Promise.all(Array.from({ length: JOBS }, () => hold(cloud.running.manager, "cloud")));

    expect(new Set(held.map(({ machineId }) => machineId)).size).toBe(JOBS);
    expect(lab.clock.now()).toBe(askedAt);
    expect(lab.cloud.calls.length).toBe(callsBefore);
  });
});
