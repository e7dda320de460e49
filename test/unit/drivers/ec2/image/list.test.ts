import { beforeEach, expect, it } from "vitest";
import { listAmis, removeAmis } from "../../../../../src/drivers/ec2/image/list.ts";
import { createVirtualEc2, ENDPOINT } from "../../../../support/ec2/inProcess.ts";
import type { VirtualEc2 } from "../../../../support/ec2/inProcess.ts";
import { shapeAt } from "../../../../support/ec2/lab.ts";

const never = new AbortController().signal;
const options = { owner: "us", sites: [shapeAt(ENDPOINT)] };

let lab: VirtualEc2;
beforeEach(() => {
  lab = createVirtualEc2();
  put("ami-1", "cloud");
  put("ami-2", "old");
  put("ami-3", "old");
  put("ami-4", "cloud", "them");
});

function put(id: string, name: string, owner = "us"): void {
  const tags = { "mayfly:owner": owner, "mayfly:image": name, "mayfly:recipe": "d", "mayfly:base": "ami-0" };
  const createdAt = lab.cloud.now() + lab.cloud.prepared.length * 1_000;
  lab.cloud.snapshots.push({ id: `snap-${id}`, tags, startedAt: createdAt });
  const facts = { availableAt: 0, hasFailed: false, snapshotId: `snap-${id}` };
  lab.cloud.prepared.push({ id, name: `mayfly ${id}`, tags, createdAt, ...facts });
}

const remove = (nameOrId: string, ...inUse: string[]): Promise<readonly string[]> =>
  lab.until(removeAmis(options, nameOrId, new Set(inUse), lab.deps, never));
const left = (): string[] => lab.cloud.prepared.map(({ id }) => id);

it("lists the images of our owner, newest first", async () => {
  const images = await lab.until(listAmis(options, lab.deps, never));

  expect(images).toMatchObject([{ amiId: "ami-3" }, { amiId: "ami-2" }, { amiId: "ami-1", region: "eu-central-1" }]);
});

it("removes one by its id, and all versions of a name, with their snapshots", async () => {
  const one = await remove("ami-1");
  const named = await remove("old");

  expect([one, named]).toEqual([["ami-1"], ["ami-3", "ami-2"]]);
  expect(left()).toEqual(["ami-4"]);
  expect(lab.cloud.snapshots.map(({ id }) => id)).toEqual(["snap-ami-4"]);
});

it("removes nothing while a pool names one of them", async () => {
  await expect(remove("old", "ami-2")).rejects.toMatchObject({
    code: "image-in-use",
    message: expect.stringContaining("image ami-2 is the `pool.ec2.ami` of a pool"),
  });
  expect(left()).toHaveLength(4);
});

it("knows no image of another owner", async () => {
  await expect(remove("ami-4")).rejects.toMatchObject({ code: "unknown-image" });
  expect(left()).toHaveLength(4);
});

it("takes for removed what somebody else has removed meanwhile, and names what may not be", async () => {
  lab.cloud.snapshots.splice(0, 1);
  await remove("ami-1");
  lab.cloud.denied.add("DeregisterImage");

  await expect(remove("ami-2")).rejects.toMatchObject({
    message: expect.stringMatching(/ec2:DeregisterImage .*statement "RemoveImages"/),
  });
});
