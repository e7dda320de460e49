import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { machineIdFrom } from "../../../../src/domain/ids.ts";
import type { Ec2Shape } from "../../../../src/domain/shape.ts";
import { createEc2Driver } from "../../../../src/drivers/ec2/driver.ts";
import type { Driver, Leftover } from "../../../../src/ports/driver.ts";
import type { CloudPart, PartKind } from "../../../support/ec2/cloud.ts";
import { createVirtualEc2, ENDPOINT } from "../../../support/ec2/inProcess.ts";
import type { VirtualEc2 } from "../../../support/ec2/inProcess.ts";
import { shapeAt } from "../../../support/ec2/lab.ts";

// What an account keeps beside instances, listed and removed by the driver over the AWS SDK.

const HOUR_MS = 3_600_000;
const never = new AbortController().signal;
const OURS = { "mayfly:owner": "us" };

let lab: VirtualEc2;
let drivers: Driver[];
let driver: Driver;

beforeEach(() => {
  lab = createVirtualEc2();
  drivers = [];
  driver = createDriver();
});
afterEach(() => Promise.all(drivers.map((one) => one.close())));

/** A driver of the pools that have these shapes. */
function createDriver(...changes: Partial<Ec2Shape>[]): Driver {
  const shapes = (changes.length === 0 ? [{}] : changes).map((change) => ({ ...shapeAt(ENDPOINT), ...change }));
  const created = createEc2Driver({ owner: "us", sites: shapes, shapes }, lab.deps);
  drivers.push(created);
  return created;
}

async function launch(number: number, shape: Partial<Ec2Shape> = {}, by = driver): Promise<string> {
  const seed = { userData: "#cloud-config\n", metaData: "" };
  const spec = {
    machineId: machineIdFrom(`m-${number}`),
    poolName: "small",
    shape: { ...shapeAt(ENDPOINT), ...shape },
    seed,
  };
  return (await lab.until(by.launch(spec, `t-${number}`, never))).providerId;
}

const list = async (by = driver): Promise<readonly Leftover[]> =>
  lab.until(by.listLeftovers?.(never) ?? Promise.reject(new Error("not a capability")));
async function removeAll(): Promise<void> {
  for (const { id } of await list()) await lab.until(driver.removeLeftover?.(id, never) ?? Promise.resolve());
}
const put = (part: Partial<CloudPart> & Pick<CloudPart, "kind" | "id">): void =>
  void lab.cloud.parts.push({ instanceId: undefined, tags: OURS, createdAt: lab.cloud.now(), ...part });
const whatOf = (leftovers: readonly Leftover[]): string[] => leftovers.map(({ what }) => what);
const partsOf = (kind: PartKind): string[] => lab.cloud.parts.filter((part) => part.kind === kind).map(({ id }) => id);

it("bears our tag on all that a launch makes, on the call that makes it", async () => {
  await launch(1);
  await launch(2, { market: "on-demand" });

  const tagged = lab.cloud.parts.map(({ kind, tags }) => [kind, tags["mayfly:owner"]]);
  expect(tagged).toEqual([
    ["volume", "us"],
    ["network-interface", "us"],
    ["spot-instances-request", "us"],
    ["volume", "us"],
    ["network-interface", "us"],
  ]);
});

it("finds nothing left over of machines that live, nor of those that end as they should", async () => {
  const first = await launch(1);
  await launch(2);
  await lab.until(driver.terminate([first], never));
  await lab.clock.advance(2 * HOUR_MS);

  expect(await list()).toEqual([]);
});

it.each<[PartKind, string]>([
  ["volume", "a volume of 30 GiB that no instance holds"],
  ["network-interface", "a network interface that no instance holds"],
  ["spot-instances-request", "a spot request, active, whose instance i-"],
])("lists a %s that outlived its machine, and removes it and nothing else", async (kind, what) => {
  lab.cloud.settings.leaves.add(kind);
  const doomed = await launch(1);
  await launch(2);
  await lab.until(driver.terminate([doomed], never));
  await lab.clock.advance(HOUR_MS / 2);
  const before = partsOf(kind);

  const found = await list();
  await removeAll();

  expect(found).toMatchObject([{ id: `eu-central-1/${before[0]}`, what: expect.stringContaining(what) }]);
  expect(partsOf(kind)).toEqual([before[1]]);
  expect(lab.cloud.live()).toHaveLength(1);
  expect(await list()).toEqual([]);
});

it("tells the machine and pool of a volume, and when it was made", async () => {
  lab.cloud.settings.leaves.add("volume");
  const createdAt = lab.cloud.now();
  await lab.until(driver.terminate([await launch(1)], never));
  await lab.clock.advance(HOUR_MS);

  const [volume] = await list();
  expect(volume).toMatchObject({ machineId: "m-1", poolName: "small" });
  expect((volume?.createdAt ?? 0) - createdAt).toBeLessThan(HOUR_MS / 2);
});

it("leaves alone what is young: it may be about to be used", async () => {
  put({ kind: "volume", id: "vol-1" });
  put({ kind: "spot-instances-request", id: "sir-1" });

  const young = await list();
  await lab.clock.advance(HOUR_MS / 2);

  expect(young).toEqual([]);
  expect(whatOf(await list())).toEqual([
    "a volume of 30 GiB that no instance holds",
    "a spot request, open, that brought no instance",
  ]);
});

it("leaves alone what bears another owner's tag, or none", async () => {
  for (const [number, tags] of [{}, { "mayfly:owner": "them" }].entries())
    for (const kind of ["volume", "network-interface", "spot-instances-request"] as const)
      put({ kind, id: `${kind}-${number}`, tags });
  lab.cloud.templates.push({ id: "lt-1", name: "theirs", data: {}, tags: {}, createdAt: 0 });
  lab.cloud.snapshots.push({ id: "snap-1", tags: { "mayfly:image": "x" }, startedAt: 0 });
  await lab.clock.advance(2 * HOUR_MS);

  expect(await list()).toEqual([]);
});

it("takes for removed what is gone already, and never touches what it did not list", async () => {
  put({ kind: "volume", id: "vol-1", createdAt: 0 });
  put({ kind: "volume", id: "vol-2", tags: {} });
  await list();
  lab.cloud.parts.splice(0, 1);

  await lab.until(Promise.all(["vol-1", "vol-2"].map((id) => driver.removeLeftover?.(`eu-central-1/${id}`, never))));

  expect(partsOf("volume")).toEqual(["vol-2"]);
  expect(lab.cloud.countOf("DeleteVolume")).toBe(1);
});

it("names a denied removal and what grants it", async () => {
  put({ kind: "network-interface", id: "eni-1" });
  lab.cloud.denied.add("DeleteNetworkInterface");
  await list();

  await expect(lab.until(driver.removeLeftover?.("eu-central-1/eni-1", never) ?? Promise.resolve())).rejects.toThrow(
    /ec2:DeleteNetworkInterface .*statement "SweepLeftovers"/,
  );
});

describe("launch templates", () => {
  const names = (): string[] => lab.cloud.templates.map(({ name }) => name);

  it("of settings that no pool has any more go, those of every pool stay", async () => {
    await launch(1, { diskGiB: 50 });
    await launch(2, { diskGiB: 50, market: "on-demand" });
    const old = lab.cloud.templates.map(({ id }) => `eu-central-1/${id}`);
    driver = createDriver({}, { diskGiB: 40 });
    await launch(3);
    await launch(4, { diskGiB: 40 });
    const kept = names().slice(old.length);
    await lab.clock.advance(2 * HOUR_MS);

    const found = await list();
    await removeAll();

    expect(found.map(({ id }) => id).toSorted()).toEqual(old.toSorted());
    expect(new Set(whatOf(found))).toEqual(new Set(["a launch template of settings that no pool has any more"]));
    expect(names()).toEqual(kept);
    expect(lab.cloud.live()).toHaveLength(4);
  });

  it("stay for an hour: a launch may be about to use them", async () => {
    await launch(1, { diskGiB: 50 });

    await lab.clock.advance(HOUR_MS / 2);

    expect(await list()).toEqual([]);
  });

  it("that were removed under a pool are made anew by its next launch", async () => {
    await launch(1);
    lab.cloud.templates.splice(0);

    await launch(2);

    expect(lab.cloud.live()).toHaveLength(2);
    expect(names()).toHaveLength(1);
  });

  it("all stay while nobody can tell which are used", async () => {
    await launch(1, { diskGiB: 50 });
    await lab.clock.advance(2 * HOUR_MS);

    expect(await list(createDriver({ ami: "ami-00000000000000009" }))).toEqual([]);
  });
});

it("finds snapshots of images that are gone, and none of one that is there or is being made", async () => {
  const tags = { ...OURS, "mayfly:image": "cloud" };
  const image = { name: "mayfly", tags, createdAt: 0, availableAt: 0, hasFailed: false };
  lab.cloud.prepared.push({ ...image, id: "ami-1", snapshotId: "snap-1" });
  lab.cloud.snapshots.push({ id: "snap-1", tags, startedAt: 0 }, { id: "snap-2", tags, startedAt: 0 });

  const found = await list();
  lab.cloud.prepared.push({ ...image, id: "ami-2", snapshotId: "snap-2", availableAt: Infinity });
  const during = await list();

  expect(found).toMatchObject([{ id: "eu-central-1/snap-2", what: "a snapshot of an image that is gone" }]);
  expect(during).toEqual([]);
});

it("asks nothing about the spot market where no pool goes there", async () => {
  await list(createDriver({ market: "on-demand" }));

  expect(lab.cloud.countOf("DescribeSpotInstanceRequests")).toBe(0);
});
