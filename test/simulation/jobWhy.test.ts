import { expect, it } from "vitest";
import { whyOfJob } from "../../src/daemon/jobWhy.ts";
import type { LeaseId } from "../../src/domain/ids.ts";
import { waitingJob } from "../support/records.ts";
import { pool } from "../support/pools.ts";
import { startWorld } from "../support/world.ts";
import type { World } from "../support/world.ts";
import type { JobWhy } from "../../src/ports/explain.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

async function ask(world: World): Promise<LeaseId> {
  return (await world.leases.request({ poolName: "small", holder: "test", ttlMs: 10 * HOUR_MS })).id;
}

const whyOf = (world: World, leaseId: LeaseId): Promise<JobWhy> =>
  whyOfJob(world.fleet, { ...waitingJob("j-1"), leaseId });

it("tells a boot, the growth limit and max_machines apart, and adds up to the wait", async () => {
  const narrow = pool({ maxMachines: 3, idleCount: 1, maxGrowthRate: 1, cost: { usdPerHour: 0.36 } });
  const world = await startWorld({ pools: [narrow], bootMs: 30_000 });
  await world.clock.advance(2 * MINUTE_MS);
  const ids: LeaseId[] = [];
  for (let n = 0; n < 4; n += 1) ids.push(await ask(world));
  await world.clock.advance(3 * MINUTE_MS);
  const [first, second, third, fourth] = await Promise.all(ids.map((id) => whyOf(world, id)));
  await world.leases.release(ids[0] as LeaseId, "released", "done");
  await world.clock.advance(2 * MINUTE_MS);
  const served = await whyOf(world, ids[3] as LeaseId);

  expect(first).toMatchObject({ waitedMs: 0, why: "it got an idle machine at once" });
  expect(second?.parts.boot).toBe(30_000);
  expect(second?.oneMore?.savedMs).toBe(30_000);
  expect(third?.parts).toMatchObject({ "growth-limit": 30_000, boot: 30_000 });
  expect(fourth?.why).toContain("for max_machines of the pool");
  expect(fourth?.oneMore).toBeUndefined();
  const lease = await world.store.lease(ids[3] as LeaseId);
  if (lease?.state !== "held") throw new Error("the last lease is not held");
  expect(served.waitedMs).toBe(lease.heldSince - lease.createdAt);
  expect(served.parts["max-machines"]).toBeGreaterThan(60_000);
});

it("goes on counting after a restart, and says what it does not know", async () => {
  const world = await startWorld({ pools: [pool({ idleCount: 0 })], bootMs: 4 * MINUTE_MS });
  const id = await ask(world);
  await world.clock.advance(MINUTE_MS);
  world.kill();
  await world.restart();
  await world.clock.advance(10 * MINUTE_MS);

  const { parts, waitedMs, why } = await whyOf(world, id);

  expect(parts.earlier).toBe(MINUTE_MS);
  expect(waitedMs).toBe(4 * MINUTE_MS);
  expect(why).toContain("60 s before this manager, or this try of the job, began to count");
});
