import { beforeEach, describe, expect, it } from "vitest";
import { MachineError, SystemError } from "../../../../../src/domain/errors.ts";
import type { Ec2Shape } from "../../../../../src/domain/shape.ts";
import { buildAmi } from "../../../../../src/drivers/ec2/image/build.ts";
import type { AmiOptions, BuiltAmi } from "../../../../../src/drivers/ec2/image/build.ts";
import { createPretendedBuilder } from "../../../../support/ec2/builder.ts";
import type { PretendedBuilder } from "../../../../support/ec2/builder.ts";
import { Refusal } from "../../../../support/ec2/cloud.ts";
import { createVirtualEc2, ENDPOINT } from "../../../../support/ec2/inProcess.ts";
import type { VirtualEc2 } from "../../../../support/ec2/inProcess.ts";
import { shapeAt } from "../../../../support/ec2/lab.ts";
import { recordProgress } from "../../../../support/progress.ts";

// The making of an image over the AWS SDK, under a virtual clock; the machine behind it is pretended.

const STOCK = "ami-0123456789abcdef0";
const MINUTE_MS = 60_000;
const never = new AbortController().signal;

let lab: VirtualEc2;
let builder: PretendedBuilder;
let said: string[];
/** Who ends the build: the person at the keyboard. */
let interrupt: AbortController;

beforeEach(() => {
  lab = createVirtualEc2();
  Object.assign(lab.cloud.settings, {
    showDelayMs: 2_000,
    runDelayMs: 4_000,
    stopDelayMs: 6_000,
    imageDelayMs: 20_000,
  });
  builder = createPretendedBuilder(lab);
  said = [];
  interrupt = new AbortController();
});

const build = (options: Partial<AmiOptions> = {}, shape: Partial<Ec2Shape> = {}): Promise<BuiltAmi> => {
  const pool = {
    name: "cloud",
    shape: { ...shapeAt(ENDPOINT), ...shape },
    guest: { user: "runner", docker: "dind", dataRoot: "/mnt/docker", engine: "install" },
  } as const;
  const whole: AmiOptions = {
    ...{ owner: "us", pool, name: "cloud", keep: 3, isForced: false, inUse: new Set([STOCK]) },
    progress: recordProgress((text) => said.push(text)),
    ...options,
  };
  return lab.until(buildAmi(whole, builder.deps, { signal: interrupt.signal, hurry: never }));
};
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
const amis = (): string[] => lab.cloud.prepared.map(({ id }) => id);

describe("a build", () => {
  it("makes an image of a machine from the pool's stock image, tags it, and ends the machine", async () => {
    const { image, isNew, removed } = await build();

    const [instance] = lab.cloud.instances;
    expect({ isNew, removed, builders: lab.cloud.instances.length }).toEqual({ isNew: true, removed: [], builders: 1 });
    expect(image).toMatchObject({
      name: "cloud",
      baseAmi: STOCK,
      state: "available",
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(lab.cloud.live()).toEqual([]);
    expect(instance).toMatchObject({ imageId: STOCK, market: "on-demand" });
    expect(instance?.tags).toMatchObject({ "mayfly:owner": "us", "mayfly:pool": "cloud", team: "ci" });
    const tags = {
      ...{ Name: "us cloud", "mayfly:owner": "us", "mayfly:image": "cloud" },
      ...{ "mayfly:recipe": image.digest, "mayfly:base": STOCK },
    };
    expect(lab.cloud.prepared).toMatchObject([{ id: image.amiId, tags }]);
    expect(lab.cloud.snapshots).toMatchObject([{ id: image.snapshotIds[0], tags }]);
  });

  it("has the machine forget itself when it is ready, before it is stopped, and says what it does", async () => {
    await build();

    expect(builder.events).toEqual(["ready", "forgot", "closed"]);
    expect(builder.seeds).toEqual([{ engine: "install", registryMirror: undefined, dataRoot: "/var/lib/docker" }]);
    expect(said).toEqual([
      `launching a builder from ${STOCK}`,
      expect.stringMatching(/^i-\w+ at 127\.77\.\S+ installs the engine$/),
      expect.stringMatching(/^stopping i-/),
      expect.stringMatching(/^EC2 makes the image of i-/),
      expect.stringMatching(/^ami-\w+$/),
    ]);
  });

  it("skips an unchanged recipe within two calls, unless it is forced", async () => {
    const first = await build();
    const calls = lab.cloud.calls.length;
    const second = await build();
    const asked = lab.cloud.calls.slice(calls).map(({ action }) => action);
    const forced = await build({ isForced: true });

    expect(second).toEqual({ image: first.image, isNew: false, removed: [] });
    expect(asked).toEqual(["DescribeImages", "DescribeInstances"]);
    expect(forced.isNew).toBe(true);
    expect(forced.image.digest).toBe(first.image.digest);
    expect(amis()).toEqual([first.image.amiId, forced.image.amiId]);
  });

  it("starts from the stock image that the pool's prepared one was made from, and never from the prepared one", async () => {
    const { image } = await build();
    const again = await build({}, { ami: image.amiId });
    const forced = await build({ isForced: true }, { ami: image.amiId });

    expect(again).toMatchObject({ isNew: false, image: { amiId: image.amiId } });
    expect(forced.image.baseAmi).toBe(STOCK);
    expect(lab.cloud.instances.map(({ imageId }) => imageId)).toEqual([STOCK, STOCK]);
  });

  it("builds anew from another stock image, or for another size of disk", async () => {
    lab.cloud.images.set("ami-00000000000000001", "/dev/sda1");
    const digests = [
      await build(),
      await build({ baseAmi: "ami-00000000000000001" }),
      await build({}, { diskGiB: 40 }),
    ].map(({ image }) => image.digest);

    expect(new Set(digests).size).toBe(3);
  });

  it("waits for the image that a build which was killed has begun", async () => {
    lab.cloud.settings.imageDelayMs = 3 * MINUTE_MS;
    const killed = build();
    await lab.until(lab.clock.sleep(MINUTE_MS));
    expect(lab.cloud.prepared).toHaveLength(1);

    const { image, isNew } = await build();

    expect({ isNew, state: image.state }).toEqual({ isNew: false, state: "available" });
    expect(said).toContain(`waiting for ${image.amiId}, which an earlier build began`);
    await killed;
  });
});

describe("older images", () => {
  it("go with their snapshots, all but the last few of the name and those that a pool names", async () => {
    const built: string[] = [];
    for (let number = 0; number < 4; number += 1) built.push((await build({ isForced: true, keep: 9 })).image.amiId);
    const other = await build({ name: "other" });

    const last = await build({ isForced: true, keep: 2, inUse: new Set([built[1] ?? ""]) });

    expect(last.removed.toSorted()).toEqual([built[0], built[2]].toSorted());
    expect(amis()).toEqual([built[1], built[3], other.image.amiId, last.image.amiId]);
    expect(lab.cloud.snapshots.map(({ id }) => id)).toEqual(lab.cloud.prepared.map(({ snapshotId }) => snapshotId));
  });

  it("of other owners, and without our tag, stay", async () => {
    await build({ owner: "them" });
    const strange = {
      id: "ami-0000000000000000a",
      name: "cloud",
      tags: {},
      createdAt: 0,
      availableAt: 0,
      hasFailed: false,
    };
    lab.cloud.prepared.push({ ...strange, snapshotId: "snap-0" });
    const theirs = amis();

    await build({ keep: 1 });
    await build({ isForced: true, keep: 1 });

    expect(amis()).toEqual([...theirs, expect.any(String)]);
  });
});

describe("a builder", () => {
  it.each<[string, (lab: VirtualEc2, builder: PretendedBuilder) => void, RegExp]>([
    [
      "that never comes up",
      (_lab, it) => it.hang(),
      /^waited 20 min for the builder i-\w+ to be ready at \S+ in vain$/,
    ],
    [
      "that cannot forget itself",
      (_lab, it) => it.fail(new MachineError("forget-failed", "no userdel")),
      /^no userdel$/,
    ],
    [
      "whose image fails",
      ({ cloud }) => void Object.assign(cloud.settings, { imagesFail: true }),
      /^EC2 could not make image ami-\w+: no snapshot$/,
    ],
    [
      "that may not be stopped",
      ({ cloud }) => void cloud.denied.add("StopInstances"),
      /ec2:StopInstances .*statement "StopAndStartMachines"/,
    ],
    [
      "of which no image may be made",
      ({ cloud }) => void cloud.denied.add("CreateImage"),
      /ec2:CreateImage .*statement "BuildImages"/,
    ],
  ])("%s is ended, and nothing is left of the image", async (_what, spoil, message) => {
    spoil(lab, builder);

    const error = await failureOf(build());

    expect((error as Error).message).toMatch(message);
    expect(lab.cloud.instances).toHaveLength(1);
    expect([lab.cloud.live(), lab.cloud.prepared, lab.cloud.snapshots]).toEqual([[], [], []]);
  });

  it.each([
    ["while it is launched", () => lab.cloud.instances.length > 0],
    ["while it comes up", () => said.some((text) => text.includes("installs the engine"))],
    ["while the image is made", () => lab.cloud.prepared.length > 0],
  ])("is ended when a person interrupts the build %s", async (_when, isThen) => {
    lab.cloud.settings.imageDelayMs = 3 * MINUTE_MS;
    const building = failureOf(build());
    while (!isThen()) await lab.until(lab.clock.sleep(100));
    const why = new Error("interrupted");
    interrupt.abort(why);

    expect(await building).toBe(why);
    expect(lab.cloud.instances).toHaveLength(1);
    expect([lab.cloud.live(), lab.cloud.prepared]).toEqual([[], []]);
  });

  it("is found and ended although no answer to its launch came", async () => {
    for (let time = 0; time < 13; time += 1)
      lab.cloud.faults.push({ action: "CreateFleet", moment: "after", refusal: "cut" });

    const error = await failureOf(build());

    expect(error).toBeInstanceOf(Error);
    expect(lab.cloud.instances).toHaveLength(1);
    expect(lab.cloud.live()).toEqual([]);
  });

  it("that could not be ended is named, though the image is there", async () => {
    lab.cloud.denied.add("TerminateInstances");

    const error = await failureOf(build());

    expect(error).toMatchObject({ name: SystemError.name, code: "builder-left" });
    expect((error as Error).message).toMatch(
      /i-\w+ could not be ended \(AWS does not allow ec2:TerminateInstances .*EndMachines/,
    );
    expect(amis()).toHaveLength(1);
  });

  it("is nobody's stranger until its deadline; after it a manager sees it, and the next build ends it", async () => {
    const driver = lab.createDriver("us");
    lab.cloud.denied.add("TerminateInstances");
    await failureOf(build());
    const early = await lab.until(driver.list(never));
    await lab.clock.advance(150 * MINUTE_MS);
    const late = await lab.until(driver.list(never));
    lab.cloud.denied.clear();
    await build();

    expect(early).toEqual([]);
    expect(late).toMatchObject([{ poolName: "cloud", state: "stopped" }]);
    expect(lab.cloud.live()).toEqual([]);
    await driver.close();
  });

  it("of a build that still goes on is left alone by another", async () => {
    builder.hang();
    const hanging = failureOf(build());
    await lab.until(lab.clock.sleep(10_000));
    builder.recover();
    await build({ name: "other" });

    expect(lab.cloud.live()).toHaveLength(1);
    interrupt.abort(new Error("enough"));
    await hanging;
    expect(lab.cloud.live()).toEqual([]);
  });
});

it("names the setting behind an image that is not there, and launches nothing", async () => {
  const error = await failureOf(build({ baseAmi: "ami-00000000000000009" }));

  expect((error as Error).message).toContain("pool.ec2.ami");
  expect(lab.cloud.instances).toEqual([]);
});

it("takes an image for made whose answer was lost", async () => {
  lab.cloud.faults.push({ action: "CreateImage", moment: "after", refusal: "cut" });
  lab.cloud.faults.push({ action: "CreateImage", moment: "before", refusal: new Refusal("Unavailable", "later", 503) });

  const { image } = await build();

  expect(amis()).toEqual([image.amiId]);
});
