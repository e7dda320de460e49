import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CapacityError, ConfigError, SystemError, TransientError } from "../../../../src/domain/errors.ts";
import { machineIdFrom } from "../../../../src/domain/ids.ts";
import type { Ec2Shape } from "../../../../src/domain/shape.ts";
import { createEc2Driver } from "../../../../src/drivers/ec2/driver.ts";
import { PartialListError } from "../../../../src/ports/driver.ts";
import type { Driver, Instance } from "../../../../src/ports/driver.ts";
import { Refusal } from "../../../support/ec2/cloud.ts";
import type { CloudInstance } from "../../../support/ec2/cloud.ts";
import { createVirtualEc2, ENDPOINT } from "../../../support/ec2/inProcess.ts";
import type { VirtualEc2 } from "../../../support/ec2/inProcess.ts";
import { shapeAt } from "../../../support/ec2/lab.ts";
import { serveMachines } from "../../../support/ec2/rate.ts";

// What EC2 does to its callers, done to the driver and the AWS SDK under a virtual clock.

const never = new AbortController().signal;
let lab: VirtualEc2;
let driver: Driver;

beforeEach(() => {
  lab = createVirtualEc2();
  driver = lab.createDriver("us");
});
afterEach(() => driver.close());

const launch = (number: number, shape: Partial<Ec2Shape> = {}, by = driver): Promise<Instance> =>
  lab.until(
    by.launch(
      {
        machineId: machineIdFrom(`m-${number}`),
        poolName: "small",
        shape: { ...shapeAt(ENDPOINT), ...shape },
        seed: { userData: `#cloud-config\nhostname: m-${number}\n`, metaData: "" },
      },
      `t-${number}`,
      never,
    ),
  );
const list = (): Promise<readonly Instance[]> => lab.until(driver.list(never));
const terminate = (providerIds: readonly string[]): Promise<void> => lab.until(driver.terminate(providerIds, never));
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
const instances = (): CloudInstance[] => lab.cloud.live();

describe("a launch", () => {
  it("tells EC2 in one call whose the instance and its volumes are, and hands it its user data", async () => {
    const { providerId } = await launch(1);

    const [instance] = instances();
    expect(providerId).toBe(`eu-central-1/${instance?.id}`);
    expect(instance?.tags).toEqual({
      Name: "us small m-1",
      "mayfly:owner": "us",
      "mayfly:pool": "small",
      "mayfly:machine": "m-1",
      team: "ci",
    });
    expect(Buffer.from(instance?.userData ?? "", "base64").toString()).toBe("#cloud-config\nhostname: m-1\n");
    expect(lab.cloud.countOf("CreateFleet")).toBe(1);
  });

  it("shares one template among machines of a shape, without a key pair, a secret or an open door in it", async () => {
    await Promise.all([launch(1), launch(2)]);
    await launch(3, {}, lab.createDriver("us"));

    expect(lab.cloud.templates.map(({ data }) => data)).toEqual([
      {
        TagSpecification: {
          1: { ResourceType: "network-interface", Tag: { 1: { Key: "mayfly:owner", Value: "us" } } },
          2: { ResourceType: "spot-instances-request", Tag: { 1: { Key: "mayfly:owner", Value: "us" } } },
        },
        ImageId: "ami-0123456789abcdef0",
        InstanceInitiatedShutdownBehavior: "terminate",
        MetadataOptions: {
          HttpEndpoint: "enabled",
          HttpTokens: "required",
          HttpPutResponseHopLimit: "1",
          InstanceMetadataTags: "disabled",
        },
        BlockDeviceMapping: {
          1: {
            DeviceName: "/dev/xvda",
            Ebs: { VolumeSize: "30", VolumeType: "gp3", Encrypted: "true", DeleteOnTermination: "true" },
          },
        },
        NetworkInterface: {
          1: {
            DeviceIndex: "0",
            SecurityGroupId: { 1: "sg-0123456789abcdef0" },
            AssociatePublicIpAddress: "false",
            DeleteOnTermination: "true",
          },
        },
      },
    ]);
  });

  it("takes another zone when one has no room, and leaves the one alone for three minutes", async () => {
    for (const type of ["m7i.large", "m6i.large"])
      for (const zone of ["eu-central-1a", "eu-central-1b"]) lab.cloud.settings.room.set(`spot ${type} ${zone}`, 0);

    await launch(1);
    await launch(2);
    await lab.clock.advance(181_000);
    await launch(3);

    expect(instances().map(({ zone, market }) => `${market} ${zone}`)).toEqual(Array(3).fill("spot eu-central-1c"));
    expect(lab.cloud.offered.map((offered) => offered.length)).toEqual([6, 4, 6]);
  });

  it("falls back to on-demand where spot has no room, and tells why when nothing has", async () => {
    lab.cloud.settings.quota = { spot: 0, "on-demand": 1 };

    await launch(1);
    const refusal = await failureOf(launch(2));
    const only = await failureOf(launch(3, { market: "spot" }));

    expect(instances().map(({ market }) => market)).toEqual(["on-demand"]);
    expect(refusal).toBeInstanceOf(CapacityError);
    expect((refusal as Error).message).toMatch(/VcpuLimitExceeded.*current vCPU limit of 2/);
    expect(only).toBeInstanceOf(CapacityError);
  });

  it.each(["before", "after"] as const)(
    "brings one instance when an answer is lost %s it took effect",
    async (moment) => {
      lab.cloud.faults.push({ action: "CreateFleet", moment, refusal: "cut" });
      lab.cloud.faults.push({ action: "CreateFleet", moment, refusal: new Refusal("InternalError", "oops", 500) });

      const { machineId } = await launch(1);

      expect(machineId).toBe("m-1");
      expect(instances()).toHaveLength(1);
      expect(lab.cloud.countOf("CreateFleet")).toBe(3);
    },
  );

  it("asks no other market for a machine that an earlier request may still bring", async () => {
    const exceeded = new Refusal("MaxFleetCountExceeded", "The maximum number of fleets is reached.");
    lab.cloud.faults.push({ action: "CreateFleet", moment: "before", refusal: "cut" });
    lab.cloud.faults.push({ action: "CreateFleet", moment: "before", refusal: exceeded });

    const failure = await failureOf(launch(1));

    expect(failure).toMatchObject({ code: "outcome-unknown" });
    expect(instances()).toEqual([]);
  });

  it("finds by its tag what an earlier process launched, though the request would be another one now", async () => {
    const first = await launch(1);
    await driver.close();
    // EC2 shows it late, and what was offered then is not what is offered now.
    lab.cloud.hide(instances()[0]?.id ?? "", 4_000);
    const next = lab.createDriver("us");

    const again = await launch(1, { instanceTypes: ["m7i.large"] }, next);

    expect(again.providerId).toBe(first.providerId);
    expect(instances()).toHaveLength(1);
  });

  it("brings one instance although the manager that comes back would begin with another market", async () => {
    lab.cloud.settings.quota.spot = 0;
    const first = await launch(1);
    await driver.close();
    lab.cloud.settings.quota.spot = 10;
    // It knows nothing of the refusal, and EC2 does not show it yet what its forerunner launched.
    lab.cloud.hide(instances()[0]?.id ?? "", 4_000);
    const next = lab.createDriver("us");

    const again = await launch(1, {}, next);

    expect(again.providerId).toBe(first.providerId);
    expect(instances()).toHaveLength(1);
  });

  it("that is given up leaves those alone that wait for the same answers", async () => {
    const spec = (number: number) => ({
      machineId: machineIdFrom(`m-${number}`),
      poolName: "small",
      shape: shapeAt(ENDPOINT),
      seed: { userData: "", metaData: "" },
    });
    const abort = new AbortController();
    const given = lab.until(driver.launch(spec(1), "t-1", abort.signal));
    const other = lab.until(driver.launch(spec(2), "t-2", never));

    abort.abort(new Error("retired"));

    expect(await failureOf(given)).toEqual(new Error("retired"));
    expect(await other).toMatchObject({ machineId: "m-2", state: "running" });
    expect(instances().map(({ tags }) => tags["mayfly:machine"])).toEqual(["m-2"]);
  });

  it("makes the template anew when somebody deleted it", async () => {
    await launch(1);
    lab.cloud.templates.length = 0;

    await launch(2);

    expect(instances()).toHaveLength(2);
  });

  it("answers without an address when EC2 shows none for long, and never twice", async () => {
    lab.cloud.settings.showDelayMs = 60_000;

    const { address, state } = await launch(1);

    expect({ address, state }).toEqual({ address: undefined, state: "pending" });
    expect(instances()).toHaveLength(1);
  });

  it("never answers with an instance that has ended by itself", async () => {
    const { providerId } = await launch(1);
    lab.cloud.interrupt(providerId.split("/")[1] ?? "");

    expect(await failureOf(launch(1))).toBeInstanceOf(TransientError);
    expect(lab.cloud.instances).toHaveLength(1);
  });
});

describe("a wrong setting is named by one clear line", () => {
  it.each([
    [{ ami: "ami-00000000000000000" }, "pool.ec2.ami"],
    [{ subnets: ["subnet-00000000"] }, "pool.ec2.subnets"],
  ])("%o", async (shape, place) => {
    const error = await failureOf(launch(1, shape));

    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).toMatch(new RegExp(`^${place}: .*$`));
  });

  it("a denied action", async () => {
    lab.cloud.faults.push({
      action: "CreateFleet",
      moment: "before",
      refusal: new Refusal("UnauthorizedOperation", "You are not authorized to perform this operation.", 403),
    });

    const error = await failureOf(launch(1));

    expect(error).toBeInstanceOf(SystemError);
    expect((error as Error).message).toContain("ec2:CreateFleet");
  });
});

describe("what lasts is told, before the caller's time is up:", () => {
  it.each([
    ["list", 30_000],
    ["launch", 120_000],
  ] as const)("a %s that nobody answers", async (verb, deadlineMs) => {
    for (let count = 0; count < 30; count += 1)
      lab.cloud.faults.push({ action: "DescribeInstances", moment: "before", refusal: "cut" });
    const startedAt = lab.clock.now();

    const error = await failureOf(verb === "list" ? list() : launch(1));

    expect(lab.clock.now() - startedAt).toBeLessThan(deadlineMs);
    expect((error as Error).message).toBe("DescribeInstances: ECONNRESET: socket hang up");
  });

  it("a denial after an answer that was lost, which leaves open what came of it", async () => {
    lab.cloud.faults.push({ action: "CreateFleet", moment: "after", refusal: "cut" });
    const failure = failureOf(launch(1));
    await lab.until(lab.clock.sleep(400));
    lab.cloud.denied.add("CreateFleet");

    const error = await failure;

    expect(error).toBeInstanceOf(TransientError);
    expect((error as Error).message).toContain("ec2:CreateFleet");
    expect(instances()).toHaveLength(1);
  });
});

describe("a site that does not answer", () => {
  const [right, wrong] = ["right", "wrong"].map((profile) => ({ ...shapeAt(ENDPOINT), profile })) as [
    Ec2Shape,
    Ec2Shape,
  ];
  // The SDK warns of keys beside a profile.
  beforeEach(() => void delete process.env["AWS_ACCESS_KEY_ID"]);

  it("leaves the list of the others, which is a partial one", async () => {
    const both = lab.createDriver("us", [wrong, right]);
    const { providerId } = await launch(1, right);

    const error = await failureOf(lab.until(both.list(never)));

    expect(error).toBeInstanceOf(PartialListError);
    expect((error as PartialListError).instances.map((instance) => instance.providerId)).toEqual([providerId]);
    expect((error as Error).message).toMatch(/^no answer of region eu-central-1, profile wrong: pool\.ec2\.profile: /);
    await both.close();
  });

  it("keeps no instance of another site in its region from its end", async () => {
    const both = lab.createDriver("us", [wrong, right]);
    const { providerId } = await launch(1, right);
    await failureOf(lab.until(both.list(never)));

    await lab.until(both.terminate([providerId], never));

    expect(instances()).toEqual([]);
    await both.close();
  });
});

describe("the spot market", () => {
  it("is left for half an hour when it took two machines back within a quarter of one", async () => {
    const [first, second] = [await launch(1), await launch(2)];
    await list();
    for (const { providerId } of [first, second]) lab.cloud.interrupt(providerId.split("/")[1] ?? "");
    await list();

    await launch(3);
    await lab.clock.advance(31 * 60_000);
    await launch(4);

    expect(instances().map(({ market }) => market)).toEqual(["on-demand", "spot"]);
  });
});

it("stays off the spot market for half an hour from the last two machines that it took back", async () => {
  const ids = [];
  for (const number of [1, 2, 3, 4]) ids.push((await launch(number)).providerId.split("/")[1] ?? "");
  const take = async (some: readonly string[]): Promise<void> => {
    for (const id of some) lab.cloud.interrupt(id);
    await list();
  };
  await take(ids.slice(0, 2));
  await lab.clock.advance(14 * 60_000);
  await take(ids.slice(2));

  await lab.clock.advance(20 * 60_000);
  await launch(5);
  await lab.clock.advance(11 * 60_000);
  await launch(6);

  expect(instances().map(({ market }) => market)).toEqual(["on-demand", "spot"]);
});

describe("a notice that a spot machine is taken back", () => {
  it.each([
    ["as the host's clock goes", 0, 110_000, 120_000],
    ["on a host whose clock is an hour ahead", 3_600_000, 110_000, 120_000],
    ["on a host whose clock is an hour behind", -3_600_000, 110_000, 120_000],
  ])("leaves what is left of two minutes, %s", async (_, skewMs, least, most) => {
    const { clock } = lab;
    const skewed = { ...clock, now: () => clock.now() + skewMs };
    const here = createEc2Driver({ owner: "us", sites: [shapeAt(ENDPOINT)] }, { ...lab.deps, clock: skewed });
    const { providerId } = await launch(1, {}, here);
    const leftMs: number[] = [];
    const onInterruption = (_id: string, _detail: string, takenAt: number) => leftMs.push(takenAt - skewed.now());
    here.watch?.({ onGone: () => undefined, onInterruption });

    lab.cloud.announce(providerId.split("/")[1] ?? "");
    await lab.until(clock.sleep(25_000));
    await here.close();

    expect(leftMs).toHaveLength(1);
    expect(leftMs[0]).toBeGreaterThanOrEqual(least);
    expect(leftMs[0]).toBeLessThanOrEqual(most);
  });
});

describe("terminations", () => {
  it("are joined, and end the others one by one when one of them fails the call", async () => {
    const launched = await Promise.all([launch(1), launch(2), launch(3)]);
    const ids = launched.map(({ providerId }) => providerId);
    lab.cloud.forget(ids[1]?.split("/")[1] ?? "");

    const failure = await failureOf(terminate(ids));

    // EC2 may know it a moment later: nobody may take it for gone yet.
    expect(failure).toMatchObject({ code: "not-shown" });
    expect(instances()).toEqual([]);
    expect(lab.cloud.countOf("TerminateInstances")).toBe(4);
  });

  it("of one that was gone long ago succeed", async () => {
    const { providerId } = await launch(1);
    lab.cloud.forget(providerId.split("/")[1] ?? "");
    await lab.clock.advance(121_000);

    await terminate([providerId]);
  });

  it("take nothing for gone because one describe is without it", async () => {
    const { providerId } = await launch(1);
    await lab.clock.advance(3_600_000);
    // A list of a lagging replica.
    lab.cloud.hide(providerId.split("/")[1] ?? "", 10_000);
    await list();

    const failure = await failureOf(terminate([providerId]));
    await lab.clock.advance(180_000);
    await terminate([providerId]);

    expect(failure).toBeInstanceOf(TransientError);
    expect(instances()).toEqual([]);
  });

  it("take nothing that an earlier manager launched for gone because EC2 does not show it yet", async () => {
    const { providerId } = await launch(1);
    await driver.close();
    driver = lab.createDriver("us");
    lab.cloud.hide(providerId.split("/")[1] ?? "", 10_000);

    const failure = await failureOf(terminate([providerId]));
    await lab.clock.advance(11_000);
    await terminate([providerId]);

    expect(failure).toMatchObject({ code: "not-shown" });
    expect(instances()).toEqual([]);
  });

  it("take nothing for gone that a call does not know and a describe shows", async () => {
    const { providerId } = await launch(1);
    await lab.clock.advance(3_600_000);
    for (let time = 0; time < 2; time += 1)
      lab.cloud.faults.push({
        action: "TerminateInstances",
        moment: "before",
        refusal: new Refusal("InvalidInstanceID.NotFound", "The instance ID does not exist"),
      });

    const failure = await failureOf(terminate([providerId]));
    await terminate([providerId]);

    expect(failure).toMatchObject({ code: "not-known-everywhere" });
    expect(instances()).toEqual([]);
  });

  it("of what no describe has shown for two minutes succeed", async () => {
    const gone = ["eu-central-1/i-0123456789abcdef0"];

    const failure = await failureOf(terminate(gone));
    await lab.clock.advance(121_000);
    await terminate(gone);

    expect(failure).toMatchObject({ code: "not-shown" });
    expect(lab.cloud.countOf("TerminateInstances")).toBe(0);
  });

  it("of several thousand ask EC2 five hundred at a time", async () => {
    const strangers = Array.from({ length: 1200 }, (_, index) => `eu-central-1/i-${String(index).padStart(17, "0")}`);

    await failureOf(terminate(strangers));

    expect(lab.cloud.countOf("TerminateInstances")).toBe(0);
    // Whose they are, and whether they are anybody's: a filter takes two hundred.
    expect(lab.cloud.countOf("DescribeInstances")).toBe(2 * 7);
  });
});

describe("a list", () => {
  it("is whole although EC2 does not tell what the spot market took back", async () => {
    await launch(1);
    const refusal = new Refusal("InvalidParameterValue", "The filter 'state-reason-code' is invalid");
    lab.cloud.refusedFilters.set("state-reason-code", refusal);

    expect(await list()).toHaveLength(1);
  });

  it("reads every page", async () => {
    await Promise.all([launch(1), launch(2), launch(3), launch(4), launch(5)]);
    lab.cloud.settings.pageSize = 2;

    expect(await list()).toHaveLength(5);
  });

  it("shows one on its way out as ending, and one that is gone not at all", async () => {
    lab.cloud.settings.endDelayMs = 60_000;
    const { providerId } = await launch(1);

    await terminate([providerId]);
    const soon = await list();
    await lab.clock.advance(61_000);

    expect(soon).toMatchObject([{ providerId, state: "ending" }]);
    expect(await list()).toEqual([]);
  });
});

it("costs at most two calls a machine at 100 machines a minute, the lists included", async () => {
  const cloud = await serveMachines(250, 600);

  expect(cloud.instances).toHaveLength(250);
  expect(cloud.live()).toEqual([]);
  expect(cloud.calls.length / 250).toBeLessThanOrEqual(2);
}, 60_000);

describe("a throttled account", () => {
  it("brings 200 machines asked for at once with at most two calls a machine, and loses none", async () => {
    lab.cloud.settings.throttles = true;
    const startedAt = lab.clock.now();

    const launched = await Promise.all(Array.from({ length: 200 }, (_, index) => launch(index)));
    const listed = await list();
    await terminate(launched.map(({ providerId }) => providerId));

    expect(new Set(launched.map(({ providerId }) => providerId)).size).toBe(200);
    expect(launched.filter(({ address }) => address === undefined)).toEqual([]);
    expect(listed).toHaveLength(200);
    expect(instances()).toEqual([]);
    expect(launched.every(({ launchedAt }) => launchedAt - startedAt < 60_000)).toBe(true);
    expect(lab.cloud.calls.length / 200).toBeLessThanOrEqual(2);
  });

  it("comes through when other tools have emptied its bucket", async () => {
    lab.cloud.settings.throttles = true;
    for (let call = 0; call < 50; call += 1) lab.cloud.throttle("CreateFleet");

    const launched = await Promise.all([launch(1), launch(2), launch(3)]);

    expect(launched).toHaveLength(3);
  });
});

describe("the price of a launch", () => {
  it("is that of the spot market where the machine is, asked for once in ten minutes", async () => {
    lab.cloud.spotPrices.set("m7i.large eu-central-1a", "0.0312");

    const first = await launch(1);
    await launch(2);
    lab.cloud.spotPrices.set("m7i.large eu-central-1a", "0.0400");
    await lab.clock.advance(600_000);
    const later = await launch(3);

    const offering = { instanceType: "m7i.large", region: "eu-central-1", market: "spot" };
    expect(first.offering).toEqual({ ...offering, usdPerHour: 0.0312 });
    expect(later.offering).toEqual({ ...offering, usdPerHour: 0.04 });
    expect(lab.cloud.countOf("DescribeSpotPriceHistory")).toBe(2);
  });

  it("is left open, and the launch goes on, where EC2 does not tell it", async () => {
    lab.cloud.faults.push({
      action: "DescribeSpotPriceHistory",
      moment: "before",
      refusal: new Refusal("UnauthorizedOperation", "no"),
    });

    expect((await launch(1)).offering).toEqual({ instanceType: "m7i.large", region: "eu-central-1", market: "spot" });
  });

  it("holds no launch up for longer than three seconds", async () => {
    for (let time = 0; time < 20; time += 1)
      lab.cloud.faults.push({
        action: "DescribeSpotPriceHistory",
        moment: "before",
        refusal: new Refusal("Unavailable", "later", 503),
      });
    const startedAt = lab.clock.now();

    const { offering } = await launch(1);

    expect(offering?.usdPerHour).toBeUndefined();
    expect(lab.clock.now() - startedAt).toBeLessThan(6_000);
  });

  it("needs no question on demand", async () => {
    const { offering } = await launch(1, { market: "on-demand" });

    expect(offering).toEqual({ instanceType: "m7i.large", region: "eu-central-1", market: "on-demand" });
    expect(lab.cloud.countOf("DescribeSpotPriceHistory")).toBe(0);
  });
});
