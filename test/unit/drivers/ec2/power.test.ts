import { afterEach, beforeEach, expect, it } from "vitest";
import { CapacityError, NotFoundError, SystemError, TransientError } from "../../../../src/domain/errors.ts";
import { machineIdFrom } from "../../../../src/domain/ids.ts";
import type { Ec2Shape } from "../../../../src/domain/shape.ts";
import type { Driver, Instance, Power } from "../../../../src/ports/driver.ts";
import { Refusal } from "../../../support/ec2/cloud.ts";
import type { CloudInstance } from "../../../support/ec2/cloud.ts";
import { createVirtualEc2, ENDPOINT } from "../../../support/ec2/inProcess.ts";
import type { VirtualEc2 } from "../../../support/ec2/inProcess.ts";
import { shapeAt } from "../../../support/ec2/lab.ts";

// Stops and starts, through the AWS SDK under a virtual clock.

const never = new AbortController().signal;
const SHAPE: Ec2Shape = { ...shapeAt(ENDPOINT), market: "on-demand" };
let lab: VirtualEc2;
let driver: Driver;

beforeEach(() => {
  lab = createVirtualEc2();
  driver = lab.createDriver("us");
});
afterEach(() => driver.close());

const launch = (number: number, shape = SHAPE): Promise<Instance> => {
  const seed = { userData: "#cloud-config\n", metaData: "" };
  const spec = { machineId: machineIdFrom(`m-${number}`), poolName: "small", shape, seed };
  return lab.until(driver.launch(spec, `t-${number}`, never));
};
const launchSome = (count: number): Promise<Instance[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => launch(index)));
const power = (): Power => {
  if (driver.power === undefined) throw new Error("the driver cannot stop");
  return driver.power;
};
const stop = (...instances: readonly Instance[]): Promise<void> =>
  lab.until(
    power().stop(
      instances.map(({ providerId }) => providerId),
      never,
    ),
  );
const start = ({ providerId, machineId, poolName }: Instance, shape = SHAPE): Promise<Instance> =>
  lab.until(power().start({ providerId, machineId, poolName, shape }, never));
const cloudOf = ({ providerId }: Instance): CloudInstance => lab.cloud.instance(providerId.split("/")[1] ?? "");
const statesNow = async (): Promise<string[]> => (await lab.until(driver.list(never))).map(({ state }) => state);
const fail = (action: string, code: string, status = 400): void =>
  void lab.cloud.faults.push({ action, moment: "before", refusal: new Refusal(code, `it says ${code}`, status) });

it("tells what is being stopped from what is stopped", async () => {
  lab.cloud.settings.stopDelayMs = 40_000;
  await stop(await launch(1));

  expect(await statesNow()).toEqual(["stopping"]);
  await lab.clock.advance(40_000);
  expect(await statesNow()).toEqual(["stopped"]);
});

it("stops and starts many together in one call each, within the account's rate", async () => {
  lab.cloud.settings.throttles = true;
  const launched = await launchSome(60);

  await stop(...launched);
  const started = await Promise.all(launched.map((one) => start(one)));

  expect([lab.cloud.countOf("StopInstances"), lab.cloud.countOf("StartInstances")]).toEqual([1, 1]);
  expect(started.map(({ state }) => state)).toEqual(launched.map(() => "running"));
});

it("starts one by one what cannot be started together, and leaves out only what has no room", async () => {
  // Each finds room in a zone of its own.
  for (const zone of ["a", "b"]) lab.cloud.settings.room.set(`on-demand m7i.large eu-central-1${zone}`, 1);
  for (const zone of ["a", "b", "c"]) lab.cloud.settings.room.set(`on-demand m6i.large eu-central-1${zone}`, 0);
  const launched = [await launch(1), await launch(2), await launch(3)];
  expect(launched.map((one) => cloudOf(one).zone)).toEqual(["eu-central-1a", "eu-central-1b", "eu-central-1c"]);
  await stop(...launched);
  for (const zone of ["b", "c"]) lab.cloud.settings.room.set(`on-demand m7i.large eu-central-1${zone}`, 1);

  const settled = await Promise.allSettled(launched.map((one) => start(one)));

  expect(settled).toMatchObject([
    { reason: expect.any(CapacityError) },
    { status: "fulfilled" },
    { status: "fulfilled" },
  ]);
  expect(await statesNow()).toEqual(["stopped", "running", "running"]);
  expect(lab.cloud.countOf("StartInstances")).toBe(4);
});

it("says that a machine which is still being stopped may be started later", async () => {
  lab.cloud.settings.stopDelayMs = 40_000;
  const launched = await launch(1);
  await stop(launched);

  const problem = await start(launched).catch((error: unknown) => error);

  expect(problem).toBeInstanceOf(TransientError);
  expect(lab.cloud.countOf("StartInstances")).toBe(1);
  await lab.clock.advance(40_000);
  expect((await start(launched)).state).toBe("running");
});

it("answers the new public address of a machine that is reached there", async () => {
  const shape = { ...SHAPE, publicAddress: true };
  const launched = await launch(1, shape);
  await stop(launched);

  const started = await start(launched, shape);

  expect(started.address?.host).toMatch(/^127\./);
  expect(started.address?.host).not.toBe(launched.address?.host);
});

it("asks again when EC2 throttles or answers nothing, and starts once", async () => {
  const launched = await launch(1);
  await stop(launched);
  fail("StartInstances", "RequestLimitExceeded", 503);
  lab.cloud.faults.push({ action: "StartInstances", moment: "after", refusal: "cut" });

  expect((await start(launched)).state).toBe("running");
  expect(await statesNow()).toEqual(["running"]);
});

it("names the statement that grants what is denied", async () => {
  const launched = await launch(1);
  lab.cloud.denied.add("StopInstances");

  const problem = await stop(launched).catch((error: unknown) => error);

  expect(problem).toBeInstanceOf(SystemError);
  expect((problem as Error).message).toContain(
    'ec2:StopInstances to these credentials: statement "StopAndStartMachines"',
  );
});

it("does not repeat the stop of a machine that EC2 can never stop", async () => {
  const spot = await launch(1, { ...SHAPE, market: "spot" });

  const problem = await stop(spot).catch((error: unknown) => error);

  expect(problem).toBeInstanceOf(SystemError);
  expect((problem as Error).message).toContain("UnsupportedOperation");
  expect(lab.cloud.countOf("StopInstances")).toBe(1);
});

it("starts nothing that has ended", async () => {
  const launched = await launch(1);
  await lab.until(driver.terminate([launched.providerId], never));

  await expect(start(launched)).rejects.toBeInstanceOf(NotFoundError);
  await expect(start({ ...launched, providerId: "never-was" })).rejects.toBeInstanceOf(NotFoundError);
  expect(lab.cloud.countOf("StartInstances")).toBe(0);
});
