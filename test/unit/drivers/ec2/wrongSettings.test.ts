import { afterEach, beforeEach, expect, it } from "vitest";
import type { DesiredPool } from "../../../../src/domain/pool.ts";
import type { LeaseId } from "../../../../src/domain/ids.ts";
import type { Ec2Shape } from "../../../../src/domain/shape.ts";
import type { Manager } from "../../../../src/ports/manager.ts";
import { createVirtualEc2, ENDPOINT } from "../../../support/ec2/inProcess.ts";
import type { VirtualEc2 } from "../../../support/ec2/inProcess.ts";
import { shapeAt } from "../../../support/ec2/lab.ts";
import { startCloudManager } from "../../../support/ec2/manager.ts";
import type { CloudManager } from "../../../support/ec2/manager.ts";
import { hold } from "../../../support/ec2/serve.ts";
import { pool } from "../../../support/pools.ts";

// A whole manager with one pool that its account refuses, one of the same driver that is right, and one of another driver.

const MINUTE_MS = 60_000;
let lab: VirtualEc2;
let cloud: CloudManager;
let manager: Manager;

beforeEach(() => {
  lab = createVirtualEc2();
  // All pools have profiles; the SDK warns of keys beside them.
  delete process.env["AWS_ACCESS_KEY_ID"];
});
afterEach(() => lab.until(cloud.running.handOver()));

const after = (ms: number): Promise<void> => lab.until(lab.clock.sleep(ms));

/** Starts it; the pool of wrong settings may have as many machines as all pools together. */
async function start(wrong: Partial<Ec2Shape>): Promise<void> {
  const right = { ...shapeAt(ENDPOINT), profile: "right" };
  const pools: DesiredPool[] = [
    pool({ name: "wrong", shape: { ...right, ...wrong }, maxMachines: 10 }),
    pool({ name: "right", shape: right, idleCount: 2 }),
    pool({ name: "local" }),
  ];
  cloud = await startCloudManager(lab, pools, { maxMachines: 10 });
  manager = cloud.running.manager;
}

/** Takes a machine of a pool and gives it back, as a job does. */
async function serve(poolName: string): Promise<string> {
  const { machineId, release } = await lab.until(hold(manager, poolName));
  await release();
  return (await manager.machine(machineId)).poolName;
}

const cases: readonly (readonly [what: string, wrong: Partial<Ec2Shape>, line: RegExp])[] = [
  [
    "credentials that AWS does not accept",
    { profile: "wrong" },
    /^pool\.ec2\.profile: AWS does not accept these credentials .*\(DescribeInstances: AuthFailure: .*\)$/,
  ],
  [
    "a profile that is not there",
    { profile: "absent" },
    /^pool\.ec2\.profile: the AWS SDK finds no credentials \(DescribeInstances: CredentialsProviderError: .*\)$/,
  ],
  [
    "a region that is none",
    { region: "eu-central-9", endpoint: undefined },
    /^pool\.ec2\.region: EC2 has no such region for this account \(.*ENOTFOUND ec2\.eu-central-9\.amazonaws\.com\)$/,
  ],
  [
    "another region than that of the subnets",
    { subnets: ["subnet-00000000"] },
    /^pool\.ec2\.subnets: EC2 has no such subnet in the region of `pool\.ec2\.region` \(.*subnet-00000000.*\)$/,
  ],
  [
    "an image that is not there",
    { ami: "ami-00000000000000000" },
    /^pool\.ec2\.ami: EC2 has no such image .*\(DescribeImages: InvalidAMIID\.NotFound: .*ami-00000000000000000.*\)$/,
  ],
  [
    "a subnet of another VPC",
    { subnets: ["subnet-0000000000000000e"] },
    /^pool\.ec2\.subnets: Expected them to be of the VPC of `pool\.ec2\.security_groups` \(.*subnet-0000000000000000e.*\)$/,
  ],
];

it.each(cases)(
  "names the setting of %s, serves the other pools, and asks less and less often",
  async (_what, wrong, line) => {
    await start(wrong);
    const { id } = (await manager.acquireLease({ poolName: "wrong", holder: "a job", ttlMs: 60 * MINUTE_MS })).lease;
    const served: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      await after(2 * MINUTE_MS);
      served.push(await serve("right"), await serve("local"));
    }

    expect(served).toEqual(["right", "local", "right", "local", "right", "local"]);
    await expectTold(id, line);
    // The pauses grow from 5 s to a minute: had they not, there would be some eighty.
    const refused = cloud.logged.filter(({ message }) => message === "launch refused");
    expect(refused.length).toBeGreaterThan(6);
    expect(refused.length).toBeLessThan(18);
    expect(refused.map(({ level, fields }) => [level, fields["problem"]])).toEqual(
      refused.map(() => ["warn", expect.stringMatching(line)]),
    );
  },
  60_000,
);

it("names a denied action and what grants it, and launches once it is granted", async () => {
  lab.cloud.denied.add("CreateLaunchTemplate");
  lab.cloud.denied.add("CreateFleet");

  await start({});
  const { id } = (await manager.acquireLease({ poolName: "wrong", holder: "a job", ttlMs: 60 * MINUTE_MS })).lease;
  await after(5 * MINUTE_MS);
  await expectTold(
    id,
    /^AWS does not allow ec2:CreateLaunchTemplate to these credentials: statement "LaunchMachines" .*$/,
    ["wrong", "right"],
  );
  expect(await serve("local")).toBe("local");
  lab.cloud.denied.clear();
  await after(2 * MINUTE_MS);

  expect(await serve("wrong")).toBe("wrong");
}, 60_000);

it("leaves the other pools their room while nobody comes as far as EC2, and launches when somebody does", async () => {
  await start({});
  await after(MINUTE_MS);
  lab.cloud.isOutOfReach = true;
  for (const { machineId } of [await lab.until(hold(manager, "wrong")), await lab.until(hold(manager, "right"))])
    await manager.terminateMachine(machineId);
  await after(12 * MINUTE_MS);

  const all = (await manager.pools()).map(({ machines }) => machines.terminating + machines.requested);
  // The two that could not be ended, and one try of each pool that may be on its way.
  expect(all.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(4);
  expect(await serve("local")).toBe("local");
  expect((await manager.pool("wrong")).why).toMatch(/launches are refused and tried again: .*ECONNREFUSED/);
  lab.cloud.isOutOfReach = false;
  await after(3 * MINUTE_MS);

  expect(await serve("wrong")).toBe("wrong");
  expect(lab.cloud.live().length).toBeLessThanOrEqual(4);
}, 60_000);

/** The one line is what each place shows where people look: the pool, the health, the job that waits. */
async function expectTold(id: LeaseId, line: RegExp, poolNames = ["wrong"]): Promise<void> {
  const view = await manager.pool("wrong");
  const health = await manager.health();
  const waiting = (await manager.leases(false)).find(({ lease }) => lease.id === id);
  const words = line.source.slice(1);

  expect(view.why).toMatch(new RegExp(`^1 waiting: no idle machine; launches are refused and tried again: ${words}`));
  expect(view.machines.terminating).toBe(0);
  const told = health.pools.filter(({ launchProblem }) => line.test(launchProblem ?? ""));
  expect(told.map(({ name }) => name)).toEqual(poolNames);
  expect(waiting?.why).toMatch(new RegExp(`^no idle machine; launches are refused and tried again: ${words}`));
}
