import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CapacityError, NotFoundError } from "../../src/domain/errors.ts";
import { machineIdFrom } from "../../src/domain/ids.ts";
import type { MachineShape } from "../../src/domain/shape.ts";
import type { Driver, Instance, LaunchSpec } from "../../src/ports/driver.ts";

/** One provider, as the driver's contract suite drives it. */
export interface DriverHarness {
  readonly shape: MachineShape;
  /** One whose instances can be stopped; absent where none's can. */
  readonly stoppable?: MachineShape;
  /** Creates a driver over the same provider, as a restart or another manager would. The harness closes it. */
  createDriver(owner: string): Driver;
  /** Leaves no room for one more machine of the shape that is answered. */
  fillUp(): MachineShape;
  /** Makes an instance end by itself. */
  endInstance(providerId: string): Promise<void>;
  /** What instances of all owners hold: processes, files, records. Names for people; none when all is well. */
  leftovers(): Promise<readonly string[]>;
  /** Terminates everything and lets go of the provider. */
  close(): Promise<void>;
}

/** What the provider of a harness cannot do, so that its driver cannot be asked for it. */
export interface DriverTraits {
  /** The driver tells of ends by itself. @default true */
  readonly watches?: boolean;
  /** The harness can fill the provider up. @default true */
  readonly fillsUp?: boolean;
  /** Addresses are of loopback. @default true */
  readonly isLocal?: boolean;
  /** Instances can be stopped and started again. @default false */
  readonly stops?: boolean;
  /** One call can launch several. @default false */
  readonly launchesTogether?: boolean;
}

const never = new AbortController().signal;

/** The contract of every driver: see src/ports/driver.ts. No machine needs to boot an operating system for it. */
export function describeDriverContract(
  name: string,
  makeHarness: () => Promise<DriverHarness>,
  { watches = true, fillsUp = true, isLocal = true, stops = false, launchesTogether = false }: DriverTraits = {},
): void {
  if (stops) describePower(name, makeHarness, watches);
  if (launchesTogether) describeTogether(name, makeHarness);
  describe(`driver contract: ${name}`, () => {
    let harness: DriverHarness;
    let driver: Driver;

    beforeEach(async () => {
      harness = await makeHarness();
      driver = harness.createDriver("us");
    });
    afterEach(() => harness.close());

    const specOf = (number: number, shape: MachineShape = harness.shape): LaunchSpec => ({
      machineId: machineIdFrom(`m-contract00${number}`),
      poolName: "small",
      shape,
      seed: { userData: "#cloud-config\n", metaData: `instance-id: m-contract00${number}\n` },
    });
    const launch = (number: number, by = driver): Promise<Instance> =>
      by.launch(specOf(number), `token-${number}`, never);

    it("launches an instance, lists it with its tags, and terminates it", async () => {
      const launched = await launch(1);

      const listed = await driver.list(never);
      await driver.terminate([launched.providerId], never);

      expect(launched).toMatchObject({ machineId: "m-contract001", poolName: "small", state: "running" });
      expect(launched.address?.host).toMatch(isLocal ? /^127\.\d+\.\d+\.\d+$/ : /^\d+\.\d+\.\d+\.\d+$/);
      expect(listed).toEqual([launched]);
      expect(await driver.list(never)).toEqual([]);
      expect(await harness.leftovers()).toEqual([]);
    });

    it("lists nothing before the first launch", async () => {
      expect(await driver.list(never)).toEqual([]);
    });

    it("answers the same instance for the same token, one after the other and side by side", async () => {
      const [first, second] = await Promise.all([launch(1), launch(1)]);
      const third = await launch(1);

      expect(second).toEqual(first);
      expect(third).toEqual(first);
      expect(await driver.list(never)).toHaveLength(1);
    });

    it("answers the same instance for the same token after a restart", async () => {
      const first = await launch(1);
      await driver.close();

      expect(await launch(1, harness.createDriver("us"))).toEqual(first);
    });

    it("gives instances that are launched side by side names and addresses of their own", async () => {
      const launched = await Promise.all([launch(1), launch(2), launch(3)]);

      expect(new Set(launched.map(({ providerId }) => providerId)).size).toBe(3);
      expect(new Set(launched.map(({ address }) => `${address?.host}:${address?.port}`)).size).toBe(3);
      expect(await driver.list(never)).toHaveLength(3);
    });

    it("terminates several at once and leaves the others", async () => {
      const [first, second, third] = [await launch(1), await launch(2), await launch(3)];

      await driver.terminate([first.providerId, third.providerId], never);

      expect((await driver.list(never)).map(({ providerId }) => providerId)).toEqual([second.providerId]);
    });

    it("finds what an earlier driver launched, and can terminate it", async () => {
      const { providerId } = await launch(1);
      await driver.close();

      const next = harness.createDriver("us");

      expect(await next.list(never)).toMatchObject([{ providerId, state: "running" }]);
      await next.terminate([providerId], never);
      expect(await harness.leftovers()).toEqual([]);
    });

    it("takes the termination of what is gone, or never was, as success", async () => {
      const { providerId } = await launch(1);

      await driver.terminate([providerId, providerId], never);
      await driver.terminate([providerId], never);
      await driver.terminate(["never-was", "../escape", ""], never);
      await driver.terminate([], never);

      expect(await harness.leftovers()).toEqual([]);
    });

    it("never lists, and never terminates, an instance of another owner", async () => {
      const strangers = harness.createDriver("them");
      const theirs = await launch(1, strangers);

      await driver.terminate([theirs.providerId], never);

      expect(await driver.list(never)).toEqual([]);
      expect(await strangers.list(never)).toEqual([theirs]);
    });

    it("launches apart for two owners that happen to use one token", async () => {
      const [ours, theirs] = await Promise.all([launch(1), launch(1, harness.createDriver("them"))]);

      expect(ours.providerId).not.toBe(theirs.providerId);
    });

    (fillsUp ? it : noTest)(
      "refuses with CapacityError and a reason when there is no room, and leaves nothing",
      async () => {
        const shape = harness.fillUp();

        const refusal = await driver.launch(specOf(1, shape), "token-1", never).catch((error: unknown) => error);

        expect(refusal).toBeInstanceOf(CapacityError);
        expect((refusal as CapacityError).message).toMatch(/\d/);
        expect(await driver.list(never)).toEqual([]);
        expect(await harness.leftovers()).toEqual([]);
      },
    );

    it("does not launch under a signal that has aborted", async () => {
      const reason = new Error("shutting down");

      await expect(driver.launch(specOf(1), "token-1", AbortSignal.abort(reason))).rejects.toBe(reason);

      expect(await harness.leftovers()).toEqual([]);
    });

    it("says whether it can stop instances", () => {
      expect(driver.power !== undefined).toBe(stops);
    });

    it("says whether it watches", () => {
      expect(driver.capabilities.watch).toBe(watches);
      if (watches) expect(driver.watch).toBeDefined();
    });

    it("lists an instance that ended by itself as stopped until it is terminated", async () => {
      const gone = watches ? collectGone(driver) : undefined;
      const { providerId } = await launch(1);

      await harness.endInstance(providerId);
      await gone?.first;

      expect(await driver.list(never)).toMatchObject([{ providerId, state: "stopped" }]);
      await driver.terminate([providerId], never);
      expect(await driver.list(never)).toEqual([]);
      expect(await harness.leftovers()).toEqual([]);
    });

    (watches ? it : noTest)("reports an instance that ends by itself", async () => {
      const gone = collectGone(driver);
      const { providerId } = await launch(1);

      await harness.endInstance(providerId);
      await gone.first;

      expect(gone.all).toEqual([[providerId, expect.stringMatching(/\w/)]]);
    });

    (watches ? it : noTest)("reports the end of an instance that an earlier driver launched", async () => {
      const { providerId } = await launch(1);
      await driver.close();
      const next = harness.createDriver("us");
      const gone = collectGone(next);
      await next.list(never);

      await harness.endInstance(providerId);
      await gone.first;

      expect(gone.all).toMatchObject([[providerId, expect.any(String)]]);
    });

    (watches ? it : noTest)("does not report what was terminated, nor anything once watching was stopped", async () => {
      const gone = collectGone(driver);
      const stopped = collectGone(driver);
      const [first, second] = [await launch(1), await launch(2)];
      stopped.stop();

      await driver.terminate([first.providerId], never);
      await harness.endInstance(second.providerId);
      await gone.first;

      expect(gone.all.map(([providerId]) => providerId)).toEqual([second.providerId]);
      expect(stopped.all).toEqual([]);
    });

    it("answers a token whose instance has stopped with that instance, never with a second one", async () => {
      const gone = watches ? collectGone(driver) : undefined;
      const first = await launch(1);
      await harness.endInstance(first.providerId);
      await gone?.first;

      expect(await launch(1)).toEqual({ ...first, state: "stopped" });
      expect(await driver.list(never)).toHaveLength(1);
    });

    it("leaves instances running when it is closed", async () => {
      const launched = await launch(1);

      await driver.close();
      await turn();

      expect(await harness.createDriver("us").list(never)).toEqual([launched]);
    });
  });
}

/** What a driver that has `power` does with it. */
function describePower(name: string, makeHarness: () => Promise<DriverHarness>, watches: boolean): void {
  describe(`driver contract: stopping and starting, ${name}`, () => {
    let harness: DriverHarness;
    let driver: Driver;
    let shape: MachineShape;

    beforeEach(async () => {
      harness = await makeHarness();
      driver = harness.createDriver("us");
      shape = harness.stoppable ?? harness.shape;
    });
    afterEach(() => harness.close());

    const specOf = (number: number): LaunchSpec => ({
      machineId: machineIdFrom(`m-contract00${number}`),
      poolName: "small",
      shape,
      seed: { userData: "#cloud-config\n", metaData: `instance-id: m-contract00${number}\n` },
    });
    const launch = (number: number, by = driver): Promise<Instance> =>
      by.launch(specOf(number), `token-${number}`, never);
    const powerOf = ({ power }: Driver) => {
      if (power === undefined) throw new Error("the driver has no power");
      return power;
    };
    const stop = (...instances: Instance[]): Promise<void> =>
      powerOf(driver).stop(
        instances.map(({ providerId }) => providerId),
        never,
      );
    const start = ({ providerId, machineId, poolName }: Instance, by = driver): Promise<Instance> =>
      powerOf(by).start({ providerId, machineId, poolName, shape }, never);
    const statesOf = async (by = driver): Promise<string[]> =>
      (await by.list(never)).map(({ machineId, state }) => `${machineId} ${state}`).toSorted();

    it("lists what was stopped as stopped, and runs it again as the same instance", async () => {
      const launched = await launch(1);

      await stop(launched);
      const stopped = await statesOf();
      const started = await start(launched);

      const { providerId, machineId, poolName } = launched;
      expect(stopped).toEqual(["m-contract001 stopped"]);
      expect(started).toMatchObject({ providerId, machineId, poolName, state: "running" });
      expect(started.address?.host).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
      expect(await driver.list(never)).toEqual([started]);
    });

    it("takes the stop of what is stopped, and the start of what runs, as success", async () => {
      const launched = await launch(1);

      await stop(launched);
      await stop(launched);
      const started = await start(launched);

      expect(await start(launched)).toEqual(started);
      expect(await statesOf()).toEqual(["m-contract001 running"]);
    });

    it("stops several at once and leaves the others", async () => {
      const [first, , third] = [await launch(1), await launch(2), await launch(3)];

      await stop(first, third);

      expect(await statesOf()).toEqual(["m-contract001 stopped", "m-contract002 running", "m-contract003 stopped"]);
    });

    it("starts several side by side, and what an earlier driver stopped", async () => {
      const [first, second] = [await launch(1), await launch(2)];
      await stop(first, second);
      await driver.close();
      const next = harness.createDriver("us");

      const started = await Promise.all([start(first, next), start(second, next)]);

      expect(started.map(({ providerId }) => providerId)).toEqual([first.providerId, second.providerId]);
      expect(await statesOf(next)).toEqual(["m-contract001 running", "m-contract002 running"]);
    });

    it("terminates what is stopped and leaves nothing", async () => {
      const launched = await launch(1);
      await stop(launched);

      await driver.terminate([launched.providerId], never);

      expect(await driver.list(never)).toEqual([]);
      expect(await harness.leftovers()).toEqual([]);
      await expect(start(launched)).rejects.toBeInstanceOf(NotFoundError);
    });

    it("neither stops nor starts an instance of another owner", async () => {
      const strangers = harness.createDriver("them");
      const theirs = await launch(1, strangers);

      await stop(theirs).catch(() => undefined);
      const running = await statesOf(strangers);
      await powerOf(strangers).stop([theirs.providerId], never);

      await expect(start(theirs)).rejects.toBeInstanceOf(NotFoundError);
      expect([running, await statesOf(strangers)]).toEqual([["m-contract001 running"], ["m-contract001 stopped"]]);
    });

    it("does not stop or start under a signal that has aborted", async () => {
      const reason = new Error("shutting down");
      const launched = await launch(1);
      const { providerId, machineId, poolName } = launched;
      const aborted = AbortSignal.abort(reason);

      await expect(powerOf(driver).stop([providerId], aborted)).rejects.toBe(reason);
      await stop(launched);
      await expect(powerOf(driver).start({ providerId, machineId, poolName, shape }, aborted)).rejects.toBe(reason);

      expect(await statesOf()).toEqual(["m-contract001 stopped"]);
    });

    (watches ? it : noTest)("does not report what was stopped as gone", async () => {
      const gone = collectGone(driver);
      const [first, second] = [await launch(1), await launch(2)];

      await stop(first);
      await harness.endInstance(second.providerId);
      await gone.first;

      expect(gone.all.map(([providerId]) => providerId)).toEqual([second.providerId]);
    });
  });
}

/** In the place of what cannot be asked of a provider. */
const noTest = (_title: string, _run: () => Promise<void>): void => undefined;

function collectGone(driver: Driver) {
  const all: (readonly [providerId: string, detail: string])[] = [];
  const { promise: first, resolve } = Promise.withResolvers<void>();
  if (driver.watch === undefined) throw new Error(`driver "${driver.name}" cannot watch`);
  const stop = driver.watch({
    onGone(providerId, detail) {
      all.push([providerId, detail]);
      resolve();
    },
  });
  return { all, first, stop };
}

/** The contract of what launches several machines by one call. */
function describeTogether(name: string, makeHarness: () => Promise<DriverHarness>): void {
  describe(`driver contract: ${name}, several machines by one call`, () => {
    let harness: DriverHarness;
    let driver: Driver;

    beforeEach(async () => {
      harness = await makeHarness();
      driver = harness.createDriver("us");
    });
    afterEach(() => harness.close());

    const machineIds = [1, 2, 3, 4].map((number) => machineIdFrom(`m-contract10${number}`));
    const launch = async (by = driver): Promise<readonly Instance[]> => {
      const seed = { userData: "#cloud-config\n", metaData: "" };
      const spec = { machineIds, poolName: "small", shape: harness.shape, seed };
      const { instances = [], shortfall } = (await by.together?.launch(spec, "token-together", never)) ?? {};
      expect(shortfall).toBeUndefined();
      return instances;
    };
    const idsOf = (instances: readonly Instance[]): string[] => instances.map(({ providerId }) => providerId).sort();

    it("brings an instance for each of them, and lists it with the machines that it may be", async () => {
      const launched = await launch();

      const listed = await driver.list(never);
      await driver.terminate(idsOf(launched), never);

      expect(new Set(idsOf(launched)).size).toBe(machineIds.length);
      expect(new Set(launched.map(({ address }) => `${address?.host}:${address?.port}`)).size).toBe(machineIds.length);
      expect(idsOf(listed)).toEqual(idsOf(launched));
      for (const one of [...launched, ...listed])
        expect(one).toMatchObject({ machineId: machineIds[0], sharedBy: machineIds, poolName: "small" });
      expect(await harness.leftovers()).toEqual([]);
    });

    it("answers the same instances for the same token, side by side, later, and after a restart", async () => {
      const [first, second] = await Promise.all([launch(), launch()]);
      const third = await launch();
      await driver.close();
      const next = harness.createDriver("us");
      const fourth = await launch(next);

      for (const again of [second, third, fourth]) expect(idsOf(again)).toEqual(idsOf(first));
      expect(await next.list(never)).toHaveLength(machineIds.length);
    });

    it("tells each instance by another name", async () => {
      const launched = await launch();

      const names = launched.map(({ providerId }) => driver.together?.nameOf(providerId));
      expect(new Set(names).size).toBe(machineIds.length);
      expect(names.every((one) => one !== undefined && one !== "")).toBe(true);
    });
  });
}
