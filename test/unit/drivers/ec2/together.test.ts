import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CapacityError, TransientError } from "../../../../src/domain/errors.ts";
import { machineIdFrom } from "../../../../src/domain/ids.ts";
import type { Ec2Shape } from "../../../../src/domain/shape.ts";
import type { Driver, Instance, SharedLaunch } from "../../../../src/ports/driver.ts";
import { Refusal } from "../../../support/ec2/cloud.ts";
import type { CloudInstance } from "../../../support/ec2/cloud.ts";
import { createVirtualEc2, ENDPOINT } from "../../../support/ec2/inProcess.ts";
import type { VirtualEc2 } from "../../../support/ec2/inProcess.ts";
import { shapeAt } from "../../../support/ec2/lab.ts";

// Calls that are for several machines, and what EC2 does to them.

const never = new AbortController().signal;
let lab: VirtualEc2;
let driver: Driver;

beforeEach(() => {
  lab = createVirtualEc2();
  driver = lab.createDriver("us");
});
afterEach(() => driver.close());

interface Asked {
  readonly token?: string;
  readonly shape?: Partial<Ec2Shape>;
  readonly by?: Driver;
  readonly signal?: AbortSignal;
}

const launch = (
  numbers: readonly number[],
  { token = "t-1", shape = {}, by = driver, signal = never }: Asked = {},
): Promise<SharedLaunch> => {
  const spec = {
    machineIds: numbers.map((number) => machineIdFrom(`m-${number}`)),
    poolName: "small",
    shape: { ...shapeAt(ENDPOINT), ...shape },
    seed: { userData: "#cloud-config\nhostname: mayfly\n", metaData: "" },
  };
  if (by.together === undefined) throw new Error("the driver launches one machine a call");
  return lab.until(by.together.launch(spec, token, signal));
};
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
const live = (): CloudInstance[] => lab.cloud.live();
const idsOf = (instances: readonly Instance[]): string[] => instances.map(({ providerId }) => providerId).sort();

describe("a call for several machines", () => {
  it("is one request, whose tags name them all, and answers as many instances with their addresses", async () => {
    const { instances, shortfall } = await launch([1, 2, 3]);

    expect(shortfall).toBeUndefined();
    expect(lab.cloud.countOf("CreateFleet")).toBe(1);
    expect(idsOf(instances)).toEqual(
      live()
        .map(({ id }) => `eu-central-1/${id}`)
        .sort(),
    );
    expect(new Set(instances.map(({ address }) => address?.host)).size).toBe(3);
    for (const { tags, userData } of live()) {
      expect(tags).toEqual({
        Name: "us small m-1 or one of 2 others",
        "mayfly:owner": "us",
        "mayfly:pool": "small",
        "mayfly:machine": "m-1 m-2 m-3",
        "mayfly:call": "t-1",
        team: "ci",
      });
      expect(Buffer.from(userData, "base64").toString()).toBe("#cloud-config\nhostname: mayfly\n");
    }
  });

  it("has lists tell which machines an instance may be, and single launches none beside their own", async () => {
    await launch([1, 2]);
    const spec = { machineId: machineIdFrom("m-3"), poolName: "small", shape: shapeAt(ENDPOINT) };
    await lab.until(driver.launch({ ...spec, seed: { userData: "", metaData: "" } }, "t-3", never));

    const listed = await lab.until(driver.list(never));

    expect(listed.map(({ machineId, sharedBy }) => [machineId, sharedBy])).toEqual([
      ["m-1", ["m-1", "m-2"]],
      ["m-1", ["m-1", "m-2"]],
      ["m-3", undefined],
    ]);
  });

  it("goes to the other market for those that the first one has no room for", async () => {
    lab.cloud.settings.quota.spot = 2;

    const { instances, shortfall } = await launch([1, 2, 3, 4, 5]);

    expect(shortfall).toBeUndefined();
    expect(instances).toHaveLength(5);
    expect(live().map(({ market }) => market)).toEqual(["spot", "spot", "on-demand", "on-demand", "on-demand"]);
  });

  it("answers what there is when no market has room for all, and why there is no more", async () => {
    lab.cloud.settings.quota = { spot: 1, "on-demand": 2 };

    const { instances, shortfall } = await launch([1, 2, 3, 4, 5]);

    expect(instances).toHaveLength(3);
    expect(shortfall).toBeInstanceOf(CapacityError);
    expect(shortfall?.message).toMatch(/no room for one more machine: .*VcpuLimitExceeded/);
  });

  it("fails as a launch of one does when there is no room at all", async () => {
    lab.cloud.settings.quota = { spot: 0, "on-demand": 0 };

    expect(await failureOf(launch([1, 2]))).toBeInstanceOf(CapacityError);
  });

  it("keeps what one market gave when the other one is denied", async () => {
    lab.cloud.settings.quota.spot = 3;
    await launch([8, 9], { token: "t-0" });
    // The template of the first market is there.
    lab.cloud.denied.add("CreateLaunchTemplate");

    const { instances, shortfall } = await launch([1, 2]);

    expect(instances).toHaveLength(1);
    expect(shortfall?.message).toContain("ec2:CreateLaunchTemplate");
  });

  it("brings on what lives, when one of its instances has ended by itself meanwhile", async () => {
    lab.cloud.settings.showDelayMs = 4_000;
    const launched = launch([1, 2]);
    await lab.until(lab.clock.sleep(1_000));
    const [doomed] = lab.cloud.instances;
    if (doomed === undefined) throw new Error("nothing was launched");
    lab.cloud.end(doomed, { code: "Server.InternalError", message: "Server.InternalError: it broke" });

    const { instances, shortfall } = await launched;

    expect(instances).toHaveLength(1);
    expect(shortfall).toMatchObject({ code: "instance-ended" });
  });
});

describe("a call for several machines whose answer is lost", () => {
  it.each(["before", "after"] as const)("%s it took effect brings no instance too many", async (moment) => {
    lab.cloud.faults.push({ action: "CreateFleet", moment, refusal: "cut" });
    lab.cloud.faults.push({ action: "CreateFleet", moment, refusal: new Refusal("InternalError", "oops", 500) });

    const { instances } = await launch([1, 2, 3]);

    expect(instances).toHaveLength(3);
    expect(lab.cloud.instances).toHaveLength(3);
  });

  it("is asked again by the next manager, and brings the same instances", async () => {
    const first = await launch([1, 2, 3]);
    await driver.close();
    // No describe shows them, so only the token can tell.
    for (const { id } of live()) lab.cloud.hide(id, 6_000);
    const next = lab.createDriver("us");

    const again = await launch([1, 2, 3], { by: next });

    expect(idsOf(again.instances)).toEqual(idsOf(first.instances));
    expect(lab.cloud.instances).toHaveLength(3);
    await next.close();
  });

  it("is found by its tag, however late and in parts EC2 shows it, where the request would be another one now", async () => {
    const first = await launch([1, 2, 3]);
    await driver.close();
    const [one, two, three] = live().map(({ id }) => id) as [string, string, string];
    lab.cloud.hide(one, 3_000);
    lab.cloud.hide(two, 6_000);
    lab.cloud.hide(three, 9_000);
    const next = lab.createDriver("us");

    const again = await launch([1, 2, 3], { by: next, shape: { instanceTypes: ["m7i.large"] } });

    expect(idsOf(again.instances)).toEqual(idsOf(first.instances));
    expect(lab.cloud.instances).toHaveLength(3);
    await next.close();
  });

  it("is never made again where an instance shows that it was made, though EC2 had forgotten its token", async () => {
    lab.cloud.settings.quota = { spot: 2, "on-demand": 0 };
    const first = await launch([1, 2, 3]);
    await driver.close();
    lab.cloud.tokens.clear();
    lab.cloud.settings.quota = { spot: 10, "on-demand": 10 };
    const next = lab.createDriver("us");

    const { instances, shortfall } = await launch([1, 2, 3], { by: next });

    expect(idsOf(instances)).toEqual(idsOf(first.instances));
    // Nobody knows whether a third one is to come: no answer that says that there is none.
    expect(shortfall).toBeInstanceOf(TransientError);
    expect(shortfall).toMatchObject({ code: "launch-unknown" });
    expect(lab.cloud.instances).toHaveLength(2);
    await next.close();
  });
});

it("a call that is given up is not made, and one that was made is left to the lists", async () => {
  const abort = new AbortController();
  const given = failureOf(launch([1, 2], { signal: abort.signal }));
  abort.abort(new Error("retired"));

  expect(await given).toEqual(new Error("retired"));
  expect(lab.cloud.instances).toEqual([]);
});

it("brings 200 machines in a throttled account by a twelfth of a call each, the looks for their addresses included", async () => {
  lab.cloud.settings.throttles = true;
  const numbers = Array.from({ length: 200 }, (_, number) => number);
  const calls = Array.from({ length: 13 }, (_, call) => numbers.filter((number) => number % 13 === call));

  const launched = await Promise.all(calls.map((ofCall, index) => launch(ofCall, { token: `t-${index}` })));
  const instances = launched.flatMap((one) => one.instances);
  await lab.until(driver.terminate(idsOf(instances), never));

  expect(new Set(idsOf(instances)).size).toBe(200);
  expect(instances.every(({ address }) => address !== undefined)).toBe(true);
  expect(live()).toEqual([]);
  expect(lab.cloud.countOf("CreateFleet")).toBe(13);
  expect(lab.cloud.calls.length).toBeLessThanOrEqual(26);
});
