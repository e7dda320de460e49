import { expect, it } from "vitest";
import { freshSeed } from "./freshSeed.ts";
import { DAYS_MS, liveThrough, range } from "./liveThrough.ts";

// One half of the fresh days; the other is in a file of its own, so that two cores share them.
const DAYS = 150;

it(`keeps every promise on ${DAYS} days that no other state of the source has lived through`, {
  timeout: DAYS_MS,
}, async () => {
  const base = freshSeed("days 1", `${DAYS} fresh days (npm run simulate -- --seeds ${DAYS} --from SEED)`);
  let jobsServed = 0;

  for (const seed of range(base, DAYS)) jobsServed += (await liveThrough(seed)).jobsServed;

  expect(jobsServed).toBeGreaterThan(DAYS);
});
