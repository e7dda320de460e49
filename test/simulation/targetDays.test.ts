import { expect, it } from "vitest";
import { planDay } from "../../src/simulation/world/day.ts";
import { hasTargets } from "../../src/simulation/world/targets.ts";
import { DAYS_MS, liveThrough, range } from "./liveThrough.ts";

const seeds = range(41, 60).filter(hasTargets);

it("keeps every promise on days whose pools have targets and budgets, with all faults and with none", {
  timeout: DAYS_MS,
}, async () => {
  const pools = seeds.flatMap((seed) => planDay(seed).pools);
  let served = 0;

  for (const seed of seeds) served += (await liveThrough(seed)).jobsServed;
  for (const seed of seeds.slice(0, 5)) served += (await liveThrough(seed, [])).jobsServed;

  expect(served).toBeGreaterThan(500);
  expect(pools.filter(({ target }) => target !== undefined).length).toBeGreaterThan(5);
  expect(pools.filter(({ budgetUsdPerDay }) => budgetUsdPerDay !== undefined).length).toBeGreaterThan(5);
});
