import { beforeEach, expect, it } from "vitest";
import { startLeftoverSweep } from "../../../src/daemon/leftovers.ts";
import { TransientError } from "../../../src/domain/errors.ts";
import type { Driver, Leftover } from "../../../src/ports/driver.ts";
import { createVirtualClock } from "../../../src/simulation/clock.ts";
import type { VirtualClock } from "../../../src/simulation/clock.ts";
import { silentLogger } from "../../support/jobs.ts";

const MINUTE_MS = 60_000;

let clock: VirtualClock;
let left: string[];
let removed: string[];
let lists: number;
let problem: Error | undefined;
let stuck: Set<string>;

beforeEach(() => {
  clock = createVirtualClock(0);
  [left, removed, lists, problem, stuck] = [[], [], 0, undefined, new Set()];
});

const driver = (): Driver =>
  ({
    name: "ec2",
    async listLeftovers(): Promise<readonly Leftover[]> {
      lists += 1;
      if (problem !== undefined) throw problem;
      return left.map((id) => ({ id, what: "a thing" }));
    },
    async removeLeftover(id: string) {
      if (stuck.has(id)) throw new Error("in use");
      removed.push(id);
      left = left.filter((one) => one !== id);
    },
  }) as Partial<Driver> as Driver;

const start = (drivers: readonly Driver[] = [driver()]): (() => Promise<void>) =>
  startLeftoverSweep({ drivers, clock, logger: silentLogger });

it("removes what two lists show, half an hour apart, and nothing that one alone shows", async () => {
  left = ["a", "b"];
  const stop = start();
  await clock.advance(11 * MINUTE_MS);
  const afterFirst = [...removed];
  left = ["b", "c"];
  await clock.advance(30 * MINUTE_MS);
  const afterSecond = [...removed];
  await clock.advance(30 * MINUTE_MS);
  await stop();

  expect([afterFirst, afterSecond, removed]).toEqual([[], ["b"], ["b", "c"]]);
});

it("asks nobody in the first ten minutes, and no more than every half hour after", async () => {
  const stop = start();
  await clock.advance(9 * MINUTE_MS);
  const early = lists;
  await clock.advance(121 * MINUTE_MS);
  await stop();

  expect([early, lists]).toEqual([0, 5]);
});

it("goes on after a list that failed, and after something that could not be removed", async () => {
  left = ["a", "b"];
  stuck.add("a");
  problem = new TransientError("throttled", "not now");
  const stop = start();
  await clock.advance(41 * MINUTE_MS);
  problem = undefined;
  await clock.advance(60 * MINUTE_MS);
  stuck.clear();
  await clock.advance(30 * MINUTE_MS);
  await stop();

  expect(removed).toEqual(["b", "a"]);
});

it("waits a minute for a provider, and stops at once when it is told to", async () => {
  const hanging: Driver = {
    ...driver(),
    listLeftovers() {
      lists += 1;
      return new Promise<never>(() => undefined);
    },
  };
  const stop = start([hanging, driver()]);
  await clock.advance(12 * MINUTE_MS);
  await stop();
  await clock.advance(300 * MINUTE_MS);

  expect(lists).toBe(2);
});

it("has nothing to do for drivers that leave nothing", async () => {
  await start([{ name: "qemu" } as Partial<Driver> as Driver])();

  expect(lists).toBe(0);
});
