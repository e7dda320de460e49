import { expect, it } from "vitest";
import { runDay } from "../../src/simulation/run/runDay.ts";
import { planFaults } from "../../src/simulation/faults/plan.ts";
import { DAY_MS, planDay } from "../../src/simulation/world/day.ts";
import type { Day } from "../../src/simulation/world/day.ts";
import { hasPreloads } from "../../src/simulation/world/preloads.ts";
import { DAYS_MS, liveThrough, range } from "./liveThrough.ts";

const seeds = range(600, 50).filter(hasPreloads);

it("keeps every promise on days whose machines fetch images while they idle, with all faults and with none", {
  timeout: DAYS_MS,
}, async () => {
  const calls = new Map<string, number>();
  let served = 0;

  for (const seed of seeds.slice(0, 8)) {
    const { jobsServed, callsByPort } = await liveThrough(seed);
    served += jobsServed;
    for (const [port, count] of callsByPort) calls.set(port, (calls.get(port) ?? 0) + count);
  }
  for (const seed of seeds.slice(0, 2)) served += (await liveThrough(seed, [])).jobsServed;

  expect(served).toBeGreaterThan(500);
  expect(calls.get("engine.pull")).toBeGreaterThan(500);
});

it("serves every job at the very moment at which it would be served if nothing were fetched", {
  timeout: DAYS_MS,
}, async () => {
  const [seed = 0] = seeds;
  const day = planDay(seed);
  const plain: Day = { ...day, registry: undefined, pools: day.pools.map((pool) => ({ ...pool, preload: undefined })) };
  const leasedOf = async (one: Day) => {
    const { lines } = await runDay(one, { faults: planFaults(seed, DAY_MS), keepsJournal: true });
    return lines.filter(({ what }) => what.startsWith("machine leased")).map(({ atMs, about }) => ({ atMs, about }));
  };

  const [fetching, without] = [await leasedOf(day), await leasedOf(plain)];

  expect(fetching.length).toBeGreaterThan(50);
  expect(fetching).toEqual(without);
});
