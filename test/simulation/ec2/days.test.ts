import { expect, it } from "vitest";
import { freshSeed } from "../freshSeed.ts";
import { DAYS_MS, range } from "../liveThrough.ts";
import { FAILED_EC2_SEEDS } from "./failedSeeds.ts";
import { liveThroughEc2 } from "./liveThrough.ts";

const FRESH_DAYS = 8;

it("keeps every promise on a day without a fault in an account of EC2", { timeout: DAYS_MS }, async () => {
  expect((await liveThroughEc2(1, true)).jobsServed).toBeGreaterThan(50);
});

it("keeps every promise on days with all that EC2 does, whatever else goes wrong", { timeout: DAYS_MS }, async () => {
  const struck = new Set<string>();

  for (const seed of range(1, 6)) for (const kind of (await liveThroughEc2(seed)).faults.keys()) struck.add(kind);

  expect(struck.size).toBeGreaterThan(30);
});

it.each(FAILED_EC2_SEEDS)(
  "keeps every promise on EC2 day $seed, which once showed that $why",
  { timeout: DAYS_MS },
  async ({ seed }) => {
    await liveThroughEc2(seed);
  },
);

it("lives through the same EC2 day twice, event by event", { timeout: DAYS_MS }, async () => {
  const first = await liveThroughEc2(3);
  const second = await liveThroughEc2(3);

  expect({ hash: second.hash, portCalls: second.portCalls }).toEqual({ hash: first.hash, portCalls: first.portCalls });
});

it(`keeps every promise on ${FRESH_DAYS} EC2 days that no other state of the source has lived through`, {
  timeout: DAYS_MS,
}, async () => {
  const again = `npm run simulate -- --provider ec2 --seeds ${FRESH_DAYS} --from SEED`;
  const base = freshSeed("EC2 days", `${FRESH_DAYS} fresh EC2 days (${again})`);
  let jobsServed = 0;

  for (const seed of range(base, FRESH_DAYS)) jobsServed += (await liveThroughEc2(seed)).jobsServed;

  expect(jobsServed).toBeGreaterThan(FRESH_DAYS);
});
