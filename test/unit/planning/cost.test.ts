import { describe, expect, it } from "vitest";
import type { Offering } from "../../../src/domain/cost.ts";
import type { Machine, MachineIn } from "../../../src/domain/machine.ts";
import { idleFrom, startingFrom, stoppedFrom, stoppingFrom, terminatingFrom } from "../../../src/domain/moves.ts";
import type { DesiredPool } from "../../../src/domain/pool.ts";
import type { DriverName } from "../../../src/domain/shape.ts";
import { costUntil, paidUntil } from "../../../src/planning/cost/bill.ts";
import { EC2_FAMILY_PRICES } from "../../../src/planning/cost/ec2FamilyPrices.ts";
import { EC2_PRICES } from "../../../src/planning/cost/ec2Prices.ts";
import { priceFrom } from "../../../src/planning/cost/price.ts";
import { nextDueAt } from "../../../src/planning/due.ts";
import { planPool } from "../../../src/planning/plan.ts";
import { bootingMachine, idleMachine, NOW, requestedMachine } from "../../support/machines.ts";
import { pool } from "../../support/pools.ts";

const EC2 = "ec2" as string as DriverName;
const SECOND_MS = 1000;
/** A tenth of a cent a second. */
const price = { usdPerHour: 3.6, source: "the test" };
const offering: Offering = { instanceType: "m7i.large", region: "us-east-1", market: "on-demand" };
const qemu: DesiredPool["shape"] = { driver: "qemu", image: "debian-12", cpus: 2, memoryMiB: 2048, diskGiB: 73 };

const onEc2 = (seconds: number, runningSince?: number): MachineIn<"idle"> => ({
  ...idleMachine({ ageMs: seconds * SECOND_MS }),
  driver: EC2,
  price,
  runningSince,
});

describe("the price of a machine", () => {
  it.each([
    ["the list, where the Region stands in it", {}, offering, 0.1008],
    ["the list of families, in other Regions", {}, { ...offering, region: "eu-central-1" }, 0.12075],
    ["the list of families, by size", {}, { ...offering, region: "eu-west-1", instanceType: "m7i.4xlarge" }, 0.8988],
    ["the list of families, below large", {}, { ...offering, region: "eu-central-1", instanceType: "t3.micro" }, 0.012],
    ["the configuration's price of its type", { usdPerHour: 1, usdPerHourByType: { "m7i.large": 0.5 } }, offering, 0.5],
    ["the configuration's price of all", { usdPerHour: 1, usdPerHourByType: { "m7i.xlarge": 0.5 } }, offering, 1],
    ["what spot cost when it was asked", {}, { ...offering, market: "spot", usdPerHour: 0.04 }, 0.04],
    ["the configuration before that too", { usdPerHour: 1 }, { ...offering, market: "spot", usdPerHour: 0.04 }, 1],
  ] as const)("is that of %s", (_of, cost, sold, usdPerHour) => {
    expect(priceFrom(pool({ cost }), sold)?.usdPerHour).toBeCloseTo(usdPerHour, 9);
  });

  it.each([
    ["in a Region that no list knows", { ...offering, region: "eu-nowhere-1" }],
    ["of a size that is no share of another", { ...offering, region: "eu-central-1", instanceType: "m7i.metal-24xl" }],
    ["of a family that its Region has not", { ...offering, region: "eu-central-1", instanceType: "m8a.large" }],
    ["of a type that no list knows", { ...offering, instanceType: "m99.large" }],
    ["of a size that no list knows", { ...offering, instanceType: "m7i.larg" }],
    ["on a spot market that nobody asked", { ...offering, market: "spot" as const }],
    ["of a provider that tells nothing", undefined],
  ])("is not known %s", (_where, sold) => {
    expect(priceFrom(pool(), sold)).toBeUndefined();
  });

  it("is nothing on the manager's own host, unless the configuration says otherwise", () => {
    expect(priceFrom({ shape: qemu })).toEqual({ usdPerHour: 0, source: "this host" });
    expect(priceFrom({ shape: qemu, cost: { usdPerHour: 0.02 } })).toEqual({
      usdPerHour: 0.02,
      source: "the configuration",
    });
  });

  it("has the disk in it", () => {
    // 73 GiB at $0.10 a month of 730 hours are a cent an hour.
    expect(priceFrom({ shape: qemu, cost: { usdPerGiBMonth: 0.1 } })?.usdPerHour).toBeCloseTo(0.01, 12);
    expect(priceFrom({ shape: qemu }, offering)?.usdPerHour).toBeCloseTo(0.1008 + 0.008, 12);
    expect(priceFrom({ shape: qemu }, offering)?.diskUsdPerHour).toBeCloseTo(0.008, 12);
  });

  it("has the cheapest Region's price of disks in it where the list has none", () => {
    expect(priceFrom({ shape: qemu }, { ...offering, region: "eu-central-1" })?.diskUsdPerHour).toBeCloseTo(0.008, 12);
  });

  it("says where it is from, with the list's date", () => {
    const abroad = { ...offering, region: "eu-central-1" };
    expect(priceFrom(pool(), abroad)?.source).toBe(`the price list of ${EC2_FAMILY_PRICES.date}`);
    expect(EC2_FAMILY_PRICES.date).toMatch(/^20\d\d-\d\d-\d\d$/);
    expect(priceFrom(pool(), offering)?.source).toBe(`the price list of ${EC2_PRICES.date}`);
    expect(EC2_PRICES.date).toMatch(/^20\d\d-\d\d-\d\d$/);
  });

  it("can be read from the list for every size that stands there, and grows with it", () => {
    for (const [region, families] of Object.entries(EC2_PRICES.onDemand)) {
      for (const [family, sizes] of Object.entries(families)) {
        const names = sizes.split(", ").map((entry) => entry.split(" ")[0] ?? "");
        const prices = names.map(
          (size) => priceFrom(pool(), { ...offering, region, instanceType: `${family}.${size}` })?.usdPerHour ?? NaN,
        );

        expect(prices.every((usd) => usd > 0 && usd < 10)).toBe(true);
        expect(prices).toEqual(prices.toSorted((a, b) => a - b));
      }
    }
  });
});

it("every family's price in every Region can be read", () => {
  for (const [region, families] of Object.entries(EC2_FAMILY_PRICES.largeOnDemand)) {
    for (const family of families.split(", ").map((entry) => entry.split(" ")[0] ?? "")) {
      const price = priceFrom(pool(), { ...offering, region, instanceType: `${family}.large` });
      expect(price?.usdPerHour, `${family} in ${region}`).toBeGreaterThan(0.01);
      expect(price?.usdPerHour, `${family} in ${region}`).toBeLessThan(1);
    }
  }
});

describe("the bill of a machine", () => {
  it.each([
    // age in s, asked after the launch in s, cost in USD
    [0, 0, 0.06],
    [59, 59, 0.06],
    [60, 60, 0.06],
    [61, 61, 0.061],
    [3600, 3600, 3.6],
  ])("on EC2 is by the second, 60 at least: %d s", (ageS, _askedS, usd) => {
    expect(costUntil(onEc2(ageS), NOW)).toBe(usd);
  });

  it("counts a second that has begun", () => {
    expect(costUntil(onEc2(100), NOW + 1)).toBe(0.101);
  });

  it("on EC2 has nothing but the disk in it while the machine is stopped, and a new minimum with each start", () => {
    const idle = { ...onEc2(100), price: { ...price, diskUsdPerHour: 0.36 } };
    const at = (seconds: number): number => NOW + seconds * SECOND_MS;
    const spentAt = (machine: Machine, seconds: number): number | undefined => costUntil(machine, at(seconds));

    const stopping = stoppingFrom(idle, at(0), spentAt(idle, 0));
    const stopped = stoppedFrom(stopping, at(40), spentAt(stopping, 40));
    const starting = startingFrom(stopped, at(1000), spentAt(stopped, 1000));
    const again = idleFrom(starting, idle.address, at(1010));

    expect(spentAt(idle, 0)).toBe(0.1);
    // A hundredth of a cent a second for the disk.
    expect([spentAt(stopping, 40), spentAt(stopped, 1000)]).toEqual([0.104, 0.2]);
    expect([spentAt(starting, 1010), spentAt(again, 1070)]).toEqual([0.26, 0.27]);
    expect(paidUntil(again)).toBe(at(1060));
    expect(spentAt(terminatingFrom(stopped, "max-age", "old", at(500)), 900)).toBe(0.15);
    expect(spentAt(terminatingFrom(again, "operator", "by hand", at(1100)), 1200)).toBe(0.3);
  });

  it("on EC2 leaves out the time before it ran, where the provider tells", () => {
    expect(costUntil(onEc2(100, NOW - 90 * SECOND_MS), NOW)).toBe(0.09);
  });

  it("on EC2 ends when the end is asked for, and a machine that the provider would not end goes on", () => {
    const ending = terminatingFrom(onEc2(100), "job-finished", "done", NOW);

    expect(costUntil(ending, NOW + 40 * SECOND_MS)).toBe(0.1);
    expect(costUntil(ending, NOW + 40 * SECOND_MS, true)).toBe(0.14);
  });

  it("on this host is from the launch to the end, without a minimum", () => {
    const machine: Machine = { ...idleMachine({ ageMs: 5000 }), driver: "qemu", price, runningSince: NOW - 1000 };
    const ending = terminatingFrom(machine, "job-finished", "done", NOW);

    expect(costUntil(machine, NOW)).toBe(0.005);
    expect(costUntil(ending, NOW + 2000)).toBe(0.007);
  });

  it("is not known without a price, and not before the launch", () => {
    expect(costUntil(bootingMachine({ ageMs: 5000 }), NOW)).toBeUndefined();
    expect(costUntil({ ...requestedMachine(), price }, NOW)).toBeUndefined();
  });
});

describe("a surplus machine", () => {
  const desired = pool({ idleCount: 0, idleTimeMs: 10_000 });
  const observe = (machine: MachineIn<"idle">) => ({
    machines: [machine],
    waitingLeases: 0,
    waitingSince: Infinity,
    mode: "open" as const,
    launchesPausedUntil: 0,
    launchProblem: "",
    storeProblem: "",
    headroomOverall: 10,
    reservedForOthers: 0,
    watchedSince: 0,
  });

  it("is kept to the end of the minute that is paid, and not for a moment longer", () => {
    const observed = observe({ ...onEc2(40), idleSince: NOW - 20_000 });

    expect(planPool(desired, observed, NOW)).toEqual([]);
    expect(nextDueAt(desired, observed, NOW)).toBe(NOW + 20_000);
    expect(planPool(desired, observed, NOW + 20_000)).toMatchObject([{ kind: "terminate", reason: "surplus-idle" }]);
  });

  it("goes when it was idle for long enough, where nothing is paid in advance or the minute is over", () => {
    const own = observe(idleMachine({ ageMs: 40_000, idleMs: 20_000 }));
    const old = observe({ ...onEc2(90), idleSince: NOW - 20_000 });

    expect(planPool(desired, own, NOW)).toMatchObject([{ reason: "surplus-idle" }]);
    expect(planPool(desired, old, NOW)).toMatchObject([{ reason: "surplus-idle" }]);
    expect(paidUntil(idleMachine({ ageMs: 40_000 }))).toBe(NOW - 40_000);
  });
});
