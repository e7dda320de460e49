import { EC2Client, StopInstancesCommand, TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { DescribeImagesCommand, DescribeInstancesCommand, DescribeVolumesCommand } from "@aws-sdk/client-ec2";
import { DescribeSecurityGroupsCommand, DescribeSubnetsCommand } from "@aws-sdk/client-ec2";
import { afterAll, beforeAll, expect, it } from "vitest";
import { machineIdFrom } from "../../src/domain/ids.ts";
import type { Ec2Shape } from "../../src/domain/shape.ts";
import type { Driver } from "../../src/ports/driver.ts";
import { describeDriverContract } from "../contract/driver.ts";
import type { DriverHarness } from "../contract/driver.ts";
import { createHurriedDriver, shapeAt, useTestCredentials } from "../support/ec2/lab.ts";
import { startMoto } from "../support/ec2/moto.ts";
import type { Moto } from "../support/ec2/moto.ts";

const never = new AbortController().signal;
let moto: Moto;
let client: EC2Client;
let shape: Ec2Shape;
let harnesses = 0;

beforeAll(async () => {
  useTestCredentials();
  moto = await startMoto();
  client = new EC2Client({ region: "eu-central-1", endpoint: moto.url });
  shape = await shapeOfMoto();
}, 180_000);
afterAll(async () => {
  client.destroy();
  await moto.close();
});

/** A shape of what moto's fresh account has. */
async function shapeOfMoto(): Promise<Ec2Shape> {
  const [images, subnets, groups] = await Promise.all([
    client.send(new DescribeImagesCommand({})),
    client.send(new DescribeSubnetsCommand({})),
    client.send(new DescribeSecurityGroupsCommand({})),
  ]);
  return {
    ...shapeAt(moto.url),
    ami: images.Images?.[0]?.ImageId ?? "",
    subnets: subnets.Subnets?.map(({ SubnetId = "" }) => SubnetId) ?? [],
    securityGroups: groups.SecurityGroups?.map(({ GroupId = "" }) => GroupId) ?? [],
    market: "on-demand",
  };
}

async function liveInstances(): Promise<string[]> {
  const { Reservations } = await client.send(new DescribeInstancesCommand({}));
  const instances = Reservations?.flatMap(({ Instances }) => Instances ?? []) ?? [];
  return instances.filter(({ State }) => State?.Name !== "terminated").map(({ InstanceId = "" }) => InstanceId);
}

/** Instances and volumes of the whole account that are not gone. */
async function leftovers(): Promise<string[]> {
  const { Volumes } = await client.send(new DescribeVolumesCommand({}));
  return [...(await liveInstances()), ...(Volumes?.map(({ VolumeId = "" }) => VolumeId) ?? [])];
}

/** One account serves all tests, since making a new one takes moto seconds: so each has owners of its own. */
async function openHarness(): Promise<DriverHarness> {
  harnesses += 1;
  const suffix = harnesses;
  const drivers: Driver[] = [];
  return {
    shape,
    createDriver(owner) {
      const driver = createHurriedDriver(`${owner}-${suffix}`, shape);
      drivers.push(driver);
      return driver;
    },
    fillUp() {
      throw new Error("moto always has room");
    },
    async endInstance(providerId) {
      await client.send(new StopInstancesCommand({ InstanceIds: [providerId.split("/")[1] ?? ""] }));
    },
    leftovers,
    async close() {
      for (const driver of drivers) await driver.close();
      const InstanceIds = await liveInstances();
      if (InstanceIds.length > 0) await client.send(new TerminateInstancesCommand({ InstanceIds }));
    },
  };
}

describeDriverContract("EC2, over the AWS SDK and moto", openHarness, {
  watches: false,
  fillsUp: false,
  isLocal: false,
});

it("launches what an independent EC2 shows as asked for, on the spot market too, and leaves nothing", async () => {
  const harness = await openHarness();
  const driver = harness.createDriver("us");
  const spec = (machineId: string, market: Ec2Shape["market"]) => ({
    machineId: machineIdFrom(machineId),
    poolName: "small",
    shape: { ...harness.shape, market } as Ec2Shape,
    seed: { userData: "#cloud-config\n", metaData: "" },
  });

  const launched = [
    await driver.launch(spec("m-1", "on-demand"), "t-1", never),
    await driver.launch(spec("m-2", "spot"), "t-2", never),
  ];
  const { Reservations } = await client.send(new DescribeInstancesCommand({}));
  const shown = (Reservations?.flatMap(({ Instances }) => Instances ?? []) ?? []).filter(
    ({ State }) => State?.Name === "running",
  );

  expect(shown.map(({ InstanceLifecycle }) => InstanceLifecycle)).toEqual([undefined, "spot"]);
  for (const instance of shown) {
    expect(harness.shape).toMatchObject({
      ami: instance.ImageId,
      subnets: expect.arrayContaining([instance.SubnetId]),
    });
    expect(instance.KeyName).toBeUndefined();
    expect(instance.Tags).toContainEqual({ Key: "mayfly:owner", Value: `us-${harnesses}` });
  }
  expect(await driver.list(never)).toHaveLength(2);
  await driver.terminate(
    launched.map(({ providerId }) => providerId),
    never,
  );
  expect(await leftovers()).toEqual([]);
  await harness.close();
});
