import { describe, expect, it } from "vitest";
import type { DesiredPool } from "../../src/domain/pool.ts";
import { viewPool } from "../../src/pool/control.ts";
import { planDay } from "../../src/simulation/world/day.ts";
import type { Day } from "../../src/simulation/world/day.ts";
import { hasTargets } from "../../src/simulation/world/targets.ts";
import { pool } from "../support/pools.ts";
import { startWorld } from "../support/world.ts";
import { DAYS_MS, liveThrough, range } from "./liveThrough.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Nights in which the clocks of Berlin are set: forward at 2:00 to 3:00, and back at 3:00 to 2:00; both at 1:00 UTC. */
const SPRING = Date.UTC(2024, 2, 31);
const AUTUMN = Date.UTC(2024, 9, 27);

/** A pool with a target that keeps at least three machines in some hours of Berlin. */
const boundedIn = (hours: string): DesiredPool =>
  pool({
    ...{ idleCount: 0, idleTimeMs: 0, maxMachines: 8, maxGrowthRate: 8, target: { waitMs: 0, share: 0.9 } },
    schedule: [{ periods: [`* ${hours} * * *`], timezone: "Europe/Berlin", idleCountMin: 3 }],
  });

/** The levels of a night from 22:00 to 6:00 UTC, minute by minute, with the machines that were idle and all launches. */
async function night(midnight: number, hours: string) {
  const world = await startWorld({ pools: [boundedIn(hours)], bootMs: 20_000, startMs: midnight - 2 * HOUR_MS });
  await world.clock.advance(30_000);
  const minutes: { readonly at: number; readonly level: number; readonly idle: number }[] = [];
  for (let minute = 0; minute < 8 * 60; minute += 1) {
    const { wish, desired, machines } = viewPool(world.fleet, "small");
    minutes.push({ at: world.clock.now(), level: (wish ?? desired).idleCount, idle: machines.idle });
    await world.clock.advance(MINUTE_MS);
  }
  const launches = world.provider.calls.filter(({ verb }) => verb === "launch").length;
  const bound = minutes.filter(({ level }) => level >= 3);
  return { world, minutes, bound, launches };
}

describe("a pool with a target, in a night in which clocks are set", () => {
  it.each([
    ["forward, in hours that it cuts short", SPRING, "1-3", 2 * 60],
    ["forward, in the hour that there is not", SPRING, "2", 0],
    ["back, in the hour that comes twice", AUTUMN, "2", 2 * 60],
    ["back, around the hour that comes twice", AUTUMN, "1-3", 4 * 60],
  ])(
    "keeps its least number in one stretch, without a gap and launched once: %s",
    async (_, midnight, hours, length) => {
      const { world, minutes, bound, launches } = await night(midnight, hours);
      const [first, last] = [bound[0], bound.at(-1)];

      expect(world.errors).toEqual([]);
      expect(bound).toHaveLength(length);
      // Before, and after, the planner of a pool that has seen no job keeps one machine.
      expect(launches).toBe(length === 0 ? 1 : 3);
      if (first === undefined || last === undefined) return;
      expect((last.at - first.at) / MINUTE_MS + 1).toBe(length);
      const within = minutes.filter(({ at }) => at > first.at + MINUTE_MS && at <= last.at);
      expect(new Set(within.map(({ idle }) => idle))).toEqual(new Set([3]));
    },
  );
});

/** Has every pool with a target keep more in the hours around the set clocks, within what it may have. */
function inBerlin(day: Day): Day {
  const pools = day.pools.map((one) => {
    if (one.target === undefined) return one;
    const most = Math.min(one.idleCountMax ?? one.maxMachines, one.maxMachines - (one.stoppedCount ?? 0));
    const section = (hours: string, idleCountMin: number) => ({
      ...{ periods: [`* ${hours} * * *`], timezone: "Europe/Berlin" },
      idleCountMin: Math.min(most, idleCountMin),
    });
    return { ...one, schedule: [section("0-5", 1), section("2", 3), section("3", 0)] };
  });
  return { ...day, pools };
}

it.each([
  ["forward", SPRING],
  ["back", AUTUMN],
])(
  "keeps every promise on days with targets and budgets on which clocks are set %s, with all faults and with none",
  {
    timeout: DAYS_MS,
  },
  async (_, startMs) => {
    const seeds = range(41, 60).filter(hasTargets).slice(0, 3);
    let [served, scheduled] = [0, 0];

    for (const seed of seeds) {
      const day = inBerlin(planDay(seed));
      scheduled += day.pools.filter(({ schedule = [] }) => schedule.length > 0).length;
      served += (await liveThrough(seed, undefined, { day, startMs })).jobsServed;
      served += (await liveThrough(seed, [], { day, startMs })).jobsServed;
    }

    expect(served).toBeGreaterThan(400);
    expect(scheduled).toBeGreaterThan(2);
  },
);
