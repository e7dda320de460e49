import fc from "fast-check";
import { expect, it } from "vitest";
import type { DesiredPool } from "../../../../src/domain/pool.ts";
import type { ObservedPool } from "../../../../src/planning/observed.ts";
import { planPool } from "../../../../src/planning/plan.ts";
import { wishNow } from "../../../../src/planning/schedule/wish.ts";
import { bootingMachine, idleMachine, leasedMachine, NOW } from "../../../support/machines.ts";
import { pool } from "../../../support/pools.ts";

it("keeps what a section leaves open as the pool itself has it", () => {
  const wish = wishNow(
    pool({ idleCount: 1, idleTimeMs: 60_000, stoppedCount: 2 }),
    { periods: ["* * * * *"], timezone: "UTC", idleCount: 3, idleTimeMs: undefined },
    0,
  );

  expect(wish).toMatchObject({ idleCount: 3, idleTimeMs: 60_000, stoppedCount: 2 });
});

it("answers the very pool where nothing depends on the moment", () => {
  const fixed = pool({ idleCount: 2 });

  expect(wishNow(fixed, undefined, 7)).toBe(fixed);
});

it.each([
  ["the least when nothing is leased", { idleScaleFactor: 0.5, idleCount: 5, idleCountMin: 1 }, 0, 1],
  ["a share of what is leased, rounded down", { idleScaleFactor: 0.5, idleCount: 5, idleCountMin: 1 }, 5, 2],
  ["the most above it", { idleScaleFactor: 0.5, idleCount: 5, idleCountMin: 1 }, 40, 5],
  ["idle_count as the least where only a most is set", { idleScaleFactor: 2, idleCount: 3, idleCountMax: 9 }, 1, 3],
  ["idle_count without a factor", { idleScaleFactor: 0, idleCount: 3, idleCountMin: 0, idleCountMax: 9 }, 4, 3],
])("keeps ready %s", (_title, wish, leased, expected) => {
  expect(wishNow(pool({ maxMachines: 20, ...wish }), undefined, leased).idleCount).toBe(expected);
});

it("turns the scaling off in a section that says factor 0", () => {
  const scaled = pool({ maxMachines: 9, idleCount: 4, idleCountMin: 1, idleScaleFactor: 1 });

  expect(wishNow(scaled, { periods: ["* * * * *"], timezone: "UTC", idleScaleFactor: 0 }, 2).idleCount).toBe(4);
});

const anyScaled: fc.Arbitrary<DesiredPool> = fc
  .record({
    counts: fc.tuple(fc.nat(12), fc.nat(12), fc.nat(12)),
    idleScaleFactor: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 4, noNaN: true })),
    room: fc.nat(10),
    maxGrowthRate: fc.integer({ min: 1, max: 20 }),
  })
  .map(({ counts, idleScaleFactor, room, maxGrowthRate }) => {
    const [idleCountMin = 0, idleCount = 0, idleCountMax = 0] = counts.toSorted((a, b) => a - b);
    const maxMachines = Math.max(1, idleCountMax + room);
    return pool({ idleCountMin, idleCount, idleCountMax, idleScaleFactor, maxMachines, maxGrowthRate, idleTimeMs: 0 });
  });

interface Load {
  readonly idle: number;
  readonly booting: number;
  readonly leased: number;
  readonly waiting: number;
}

/** What a pool comes to in one step of the planner: the machines it will have, by its own wish for the moment. */
function machinesAfter(scaled: DesiredPool, { idle, booting, leased, waiting }: Load): number {
  const machines = [
    ...Array.from({ length: idle }, () => idleMachine({ idleMs: 1_000_000 })),
    ...Array.from({ length: booting }, () => bootingMachine()),
    ...Array.from({ length: leased }, () => leasedMachine()),
  ];
  const observed: ObservedPool = {
    ...{ machines, waitingLeases: waiting, waitingSince: NOW, mode: "open", launchesPausedUntil: 0, launchProblem: "" },
    ...{ storeProblem: "", reservedForOthers: 0, watchedSince: 0, headroomOverall: 1_000 },
  };
  return planPool(wishNow(scaled, undefined, leased), observed, NOW).reduce(
    (count, action) => count + (action.kind === "launch" ? action.count : action.kind === "terminate" ? -1 : 0),
    machines.length,
  );
}

const anyLoad = fc.record({ idle: fc.nat(8), booting: fc.nat(4), leased: fc.nat(20), waiting: fc.nat(10) });

it("never asks for fewer machines when more are leased or waited for", () => {
  fc.assert(
    fc.property(anyScaled, anyLoad, fc.nat(6), fc.nat(6), (scaled, load, moreLeased, moreWaiting) => {
      const more = { ...load, leased: load.leased + moreLeased, waiting: load.waiting + moreWaiting };

      expect(machinesAfter(scaled, more)).toBeGreaterThanOrEqual(machinesAfter(scaled, load));
      expect(wishNow(scaled, undefined, more.leased).idleCount).toBeGreaterThanOrEqual(
        wishNow(scaled, undefined, load.leased).idleCount,
      );
    }),
  );
});

it("never passes a limit, however much is leased", () => {
  fc.assert(
    fc.property(anyScaled, anyLoad, (scaled, load) => {
      const { idleCount } = wishNow(scaled, undefined, load.leased);
      const { idleCountMin = 0, idleCountMax = 0 } = scaled;
      const before = load.idle + load.booting + load.leased;

      expect(idleCount).toBeGreaterThanOrEqual(idleCountMin);
      expect(idleCount).toBeLessThanOrEqual(idleCountMax);
      expect(machinesAfter(scaled, load)).toBeLessThanOrEqual(Math.max(before, scaled.maxMachines));
    }),
  );
});
