import { beforeEach, expect, it } from "vitest";
import type { Ec2Shape } from "../../../../src/domain/shape.ts";
import { checkActions } from "../../../../src/drivers/ec2/check.ts";
import type { ActionCheck } from "../../../../src/drivers/ec2/check.ts";
import { machineIdFrom } from "../../../../src/domain/ids.ts";
import { Refusal } from "../../../support/ec2/cloud.ts";
import { createVirtualEc2, ENDPOINT } from "../../../support/ec2/inProcess.ts";
import type { VirtualEc2 } from "../../../support/ec2/inProcess.ts";
import { shapeAt } from "../../../support/ec2/lab.ts";

const never = new AbortController().signal;
let lab: VirtualEc2;
beforeEach(() => {
  lab = createVirtualEc2();
});

const check = (shape: Partial<Ec2Shape> = {}, hasStopped = false): Promise<readonly ActionCheck[]> =>
  lab.until(checkActions("us", { ...shapeAt(ENDPOINT), ...shape }, hasStopped, lab.deps, never));
const failuresOf = (checks: readonly ActionCheck[]) => checks.filter(({ isAllowed }) => !isAllowed);

it("tries every action and makes nothing", async () => {
  const checks = await check();

  expect(checks).toEqual([
    { action: "DescribeInstances", isAllowed: true, detail: '0 instances of owner "us" in eu-central-1' },
    { action: "DescribeImages", isAllowed: true, detail: expect.stringContaining("ami-0123456789abcdef0") },
    {
      action: "DescribeSubnets",
      isAllowed: true,
      detail: "3 subnets in eu-central-1a, eu-central-1b, eu-central-1c",
    },
    { action: "DescribeSecurityGroups", isAllowed: true, detail: "1 groups in the VPC of the subnets" },
    { action: "DescribeSpotInstanceRequests", isAllowed: true, detail: "allowed" },
    { action: "DescribeSpotPriceHistory", isAllowed: true, detail: "allowed" },
    { action: "DescribeVolumes", isAllowed: true, detail: "allowed" },
    { action: "DescribeNetworkInterfaces", isAllowed: true, detail: "allowed" },
    { action: "DescribeLaunchTemplates", isAllowed: true, detail: "allowed" },
    { action: "DescribeSnapshots", isAllowed: true, detail: "allowed" },
    { action: "CreateLaunchTemplate", isAllowed: true, detail: "allowed" },
    { action: "CreateFleet", isAllowed: true, detail: "allowed" },
    { action: "TerminateInstances", isAllowed: true, detail: "not tried: there is no instance to try it on" },
  ]);
  expect([lab.cloud.instances, lab.cloud.templates]).toEqual([[], []]);
});

it("asks nothing about the spot market for a pool that never goes there", async () => {
  const checks = await check({ market: "on-demand" });

  expect(checks.filter(({ action }) => action.includes("Spot"))).toEqual([]);
});

it("tries the end of an instance of ours without ending it", async () => {
  const driver = lab.createDriver("us");
  const seed = { userData: "#cloud-config\n", metaData: "" };
  const spec = { machineId: machineIdFrom("m-1"), poolName: "small", shape: shapeAt(ENDPOINT), seed };
  await lab.until(driver.launch(spec, "t-1", never));

  const checks = await check();

  expect(checks.at(-1)).toEqual({ action: "TerminateInstances", isAllowed: true, detail: "allowed" });
  expect(lab.cloud.live()).toHaveLength(1);
});

it("tries stops and starts for a pool that keeps stopped machines, and for no other", async () => {
  const driver = lab.createDriver("us");
  const seed = { userData: "#cloud-config\n", metaData: "" };
  const shape = { ...shapeAt(ENDPOINT), market: "on-demand" as const };
  const spec = { machineId: machineIdFrom("m-1"), poolName: "small", shape, seed };
  await lab.until(driver.launch(spec, "t-1", never));
  lab.cloud.denied.add("StartInstances");

  const checks = await check({ market: "on-demand" }, true);
  const others = await check({ market: "on-demand" });

  expect(checks.filter(({ action }) => /Stop|Start/.test(action))).toEqual([
    { action: "StopInstances", isAllowed: true, detail: "allowed" },
    { action: "StartInstances", isAllowed: false, detail: expect.stringContaining('"StopAndStartMachines"') },
  ]);
  expect(others.filter(({ action }) => /Stop|Start/.test(action))).toEqual([]);
  expect(lab.cloud.live().map((instance) => lab.cloud.stateOf(instance))).toEqual(["running"]);
});

it.each(["CreateFleet", "CreateLaunchTemplate"])(
  "names a denied %s and what grants it, and goes on",
  async (action) => {
    lab.cloud.denied.add(action);

    const checks = await check();

    expect(checks).toHaveLength(13);
    expect(failuresOf(checks)).toEqual([
      { action, isAllowed: false, detail: expect.stringMatching(`ec2:${action} .*statement "LaunchMachines"`) },
    ]);
  },
);

it.each([
  [{ ami: "ami-00000000000000000" }, "DescribeImages", "pool.ec2.ami"],
  [{ subnets: ["subnet-00000000"] }, "DescribeSubnets", "pool.ec2.subnets"],
  [{ securityGroups: ["sg-00000000"] }, "DescribeSecurityGroups", "pool.ec2.security_groups"],
  [{ securityGroups: ["sg-0000000000000000e"] }, "DescribeSecurityGroups", "vpc-0000000000000000e"],
])("names the setting behind %o", async (shape, action, words) => {
  const checks = await check(shape);

  expect(failuresOf(checks)).toEqual([{ action, isAllowed: false, detail: expect.stringContaining(words) }]);
});

it("says one thing, not thirteen, when the credentials are wrong", async () => {
  lab.cloud.faults.push({
    action: "DescribeInstances",
    moment: "before",
    refusal: new Refusal("AuthFailure", "AWS was not able to validate the provided access credentials", 401),
  });

  expect(await check()).toEqual([
    { action: "DescribeInstances", isAllowed: false, detail: expect.stringMatching(/^pool.ec2.profile: /) },
  ]);
});
