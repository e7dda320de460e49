import { EC2Client, StopInstancesCommand, TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { DescribeImagesCommand, DescribeInstancesCommand, DescribeVolumesCommand } from "@aws-sdk/client-ec2";
import { CreateNetworkInterfaceCommand, CreateVolumeCommand, DeleteVolumeCommand } from "@aws-sdk/client-ec2";
import { DescribeLaunchTemplatesCommand } from "@aws-sdk/client-ec2";
import { DescribeSecurityGroupsCommand, DescribeSubnetsCommand } from "@aws-sdk/client-ec2";
import { afterAll, beforeAll, expect, it } from "vitest";
import { machineIdFrom } from "../../src/domain/ids.ts";
import { systemRandom } from "../../src/daemon/random.ts";
import type { Ec2Shape } from "../../src/domain/shape.ts";
import { createSdkClient } from "../../src/drivers/ec2/client.ts";
import { createEc2Driver } from "../../src/drivers/ec2/driver.ts";
import { buildAmi } from "../../src/drivers/ec2/image/build.ts";
import type { AmiOptions } from "../../src/drivers/ec2/image/build.ts";
import { removeAmis } from "../../src/drivers/ec2/image/list.ts";
import type { Ec2Deps } from "../../src/drivers/ec2/options.ts";
import type { Driver } from "../../src/ports/driver.ts";
import { describeDriverContract } from "../contract/driver.ts";
import type { DriverHarness } from "../contract/driver.ts";
import {
  createHurriedClock,
  createHurriedDriver,
  hurriedClock,
  shapeAt,
  useTestCredentials,
} from "../support/ec2/lab.ts";
import { createPretendedBuilder } from "../support/ec2/builder.ts";
import { silentLogger } from "../support/jobs.ts";
import { recordProgress } from "../support/progress.ts";
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

/** moto fails at tags that are for snapshots; everything else is as it is meant for EC2. */
const motoDeps: Ec2Deps = {
  ...{ clock: hurriedClock, random: systemRandom, logger: silentLogger },
  connect(site) {
    const sdk = createSdkClient(site);
    return {
      send(action, input, signal) {
        if (!("TagSpecifications" in input) || action !== "CreateImage") return sdk.send(action, input, signal);
        const TagSpecifications = input.TagSpecifications?.filter(({ ResourceType }) => ResourceType === "image");
        return sdk.send(action, { ...input, TagSpecifications } as typeof input, signal);
      },
      close: () => sdk.close(),
    };
  },
};

/** moto is a process of this host, which may have much else to do: 15 s for an address are to be one at least. */
const patientClock = createHurriedClock(15);

/** One account serves all tests, since making a new one takes moto seconds: so each has owners of its own. */
async function openHarness(): Promise<DriverHarness> {
  harnesses += 1;
  const suffix = harnesses;
  const drivers: Driver[] = [];
  return {
    shape,
    createDriver(owner) {
      const driver = createHurriedDriver(`${owner}-${suffix}`, shape, patientClock);
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
  stops: true,
  launchesTogether: true,
});

it("makes an image of a machine, which an independent EC2 shows as asked for, and removes it with its machine", async () => {
  const harness = await openHarness();
  const owner = `us-${harnesses}`;
  const { deps } = createPretendedBuilder({ deps: motoDeps });
  const pool = {
    name: "cloud",
    shape,
    guest: { user: "runner", docker: "dind", dataRoot: "/var/lib/docker" },
  } as const;
  const options: AmiOptions = {
    ...{ owner, pool, name: "cloud", keep: 1, isForced: true, inUse: new Set(), progress: recordProgress() },
  };
  const signals = { signal: never, hurry: never };

  const first = await buildAmi(options, deps, signals);
  const second = await buildAmi(options, deps, signals);
  const { Images } = await client.send(new DescribeImagesCommand({ Owners: ["self"] }));

  expect(second).toMatchObject({
    isNew: true,
    removed: [first.image.amiId],
    image: { state: "available", baseAmi: shape.ami },
  });
  expect(Images).toMatchObject([{ ImageId: second.image.amiId, State: "available" }]);
  expect(Images?.[0]?.Tags).toContainEqual({ Key: "mayfly:owner", Value: owner });
  expect(await leftovers()).toEqual([]);
  const removed = await removeAmis({ owner, sites: [shape] }, "cloud", new Set(), motoDeps, never);
  expect(removed).toEqual([second.image.amiId]);
  expect((await client.send(new DescribeImagesCommand({ Owners: ["self"] }))).Images).toEqual([]);
  await harness.close();
});

it("finds in an independent EC2 what is left over beside instances, and removes it and no more", async () => {
  const harness = await openHarness();
  const owner = `us-${harnesses}`;
  // What is made in the test is old to this driver.
  const clock = { ...hurriedClock, now: () => Date.now() + 2 * 3_600_000 };
  const driver = createEc2Driver({ owner, sites: [shape], shapes: [shape] }, { ...motoDeps, clock });
  const spec = (machineId: string, diskGiB: number) => ({
    machineId: machineIdFrom(machineId),
    poolName: "small",
    shape: { ...shape, diskGiB },
    seed: { userData: "#cloud-config\n", metaData: "" },
  });
  const tagged = (ResourceType: "volume" | "network-interface", Value: string) => [
    { ResourceType, Tags: [{ Key: "mayfly:owner", Value }] },
  ];
  const { Subnets } = await client.send(new DescribeSubnetsCommand({}));
  const [subnet] = Subnets ?? [];
  const strays: string[] = [];
  for (const someone of [owner, "somebody else"]) {
    const volume = await client.send(
      new CreateVolumeCommand({
        ...{ AvailabilityZone: subnet?.AvailabilityZone ?? "", Size: 1 },
        TagSpecifications: tagged("volume", someone),
      }),
    );
    const { NetworkInterface } = await client.send(
      new CreateNetworkInterfaceCommand({
        ...{ SubnetId: subnet?.SubnetId ?? "", TagSpecifications: tagged("network-interface", someone) },
      }),
    );
    strays.push(volume.VolumeId ?? "", NetworkInterface?.NetworkInterfaceId ?? "");
  }
  const launched = [
    await driver.launch(spec("m-1", shape.diskGiB), "t-1", never),
    await driver.launch(spec("m-2", 55), "t-2", never),
  ];
  const templates = async (): Promise<string[]> => {
    const Filters = [{ Name: "tag:mayfly:owner", Values: [owner] }];
    const { LaunchTemplates } = await client.send(new DescribeLaunchTemplatesCommand({ Filters }));
    return LaunchTemplates?.map(({ LaunchTemplateId = "" }) => LaunchTemplateId) ?? [];
  };
  const [kept, old] = await templates();

  const found = (await driver.listLeftovers?.(never)) ?? [];
  for (const { id } of found) await driver.removeLeftover?.(id, never);

  expect(found.map(({ id }) => id.split("/")[1]).toSorted()).toEqual([strays[0], strays[1], old].toSorted());
  expect(await driver.listLeftovers?.(never)).toEqual([]);
  expect(await templates()).toEqual([kept]);
  expect(await driver.list(never)).toHaveLength(2);
  await driver.terminate(
    launched.map(({ providerId }) => providerId),
    never,
  );
  expect(await leftovers()).toEqual([strays[2]]);
  await client.send(new DeleteVolumeCommand({ VolumeId: strays[2] ?? "" }));
  await driver.close();
  await harness.close();
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
