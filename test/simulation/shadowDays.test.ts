import { expect, it } from "vitest";
import type { DesiredPool, ShadowWish } from "../../src/domain/pool.ts";
import { runDay } from "../../src/simulation/run/runDay.ts";
import { planDay } from "../../src/simulation/world/day.ts";
import type { Day } from "../../src/simulation/world/day.ts";
import { DAYS_MS, liveThrough, range } from "./liveThrough.ts";

/** Gives every pool of a day shadows: one of its own policy, and others with a target, a budget and a schedule. */
function withShadows(day: Day): Day {
  return { ...day, pools: day.pools.map((pool) => ({ ...pool, shadows: shadowsOf(pool) })) };
}

function shadowsOf(pool: DesiredPool): ShadowWish[] {
  const { idleCount, idleTimeMs, maxMachines, maxGrowthRate, schedule, target, budgetUsdPerDay, stoppedCount } = pool;
  const limits = { idleTimeMs, maxMachines, maxGrowthRate };
  const night = { periods: ["* 22-23,0-5 * * *"], timezone: "Europe/Berlin", idleCount: 0 };
  return [
    { name: "same", idleCount, stoppedCount, ...limits, schedule, target, budgetUsdPerDay },
    { name: "aimed", idleCount: 0, ...limits, target: { waitMs: 5_000, share: 0.9 } },
    { name: "hourly", idleCount: Math.min(3, maxMachines), ...limits, schedule: [night] },
    { name: "many", idleCount: 10, idleTimeMs, maxMachines: 30, maxGrowthRate: 30 },
  ];
}

it("keeps every promise with shadows of all kinds, with all faults and with none, and none of them fails", {
  timeout: DAYS_MS,
}, async () => {
  let served = 0;

  for (const seed of range(61, 5))
    served += (await liveThrough(seed, undefined, { day: withShadows(planDay(seed)) })).jobsServed;
  for (const seed of range(69, 2))
    served += (await liveThrough(seed, [], { day: withShadows(planDay(seed)) })).jobsServed;

  expect(served).toBeGreaterThan(300);
});

it("lives through the very same day with shadows as without, but for what is stored of them", {
  timeout: DAYS_MS,
}, async () => {
  for (const seed of range(71, 2)) {
    const traceOf = async (day: Day) => {
      const { lines, violations } = await runDay(day, { faults: [], keepsJournal: true });
      expect(violations).toEqual([]);
      return { all: lines.length, acting: lines.filter(({ what }) => !what.includes("shadow")) };
    };
    const [plain, shadowed] = [await traceOf(planDay(seed)), await traceOf(withShadows(planDay(seed)))];

    expect(shadowed.acting).toEqual(plain.acting);
    expect(shadowed.all).toBeGreaterThan(plain.all + 20);
    expect(plain.all).toBe(plain.acting.length);
  }
});
