import { expect, it } from "vitest";
import { createLiveConfig } from "../../../src/daemon/liveConfig.ts";
import { composeForTest, simulatedConfig } from "../../support/composed.ts";
import { pool } from "../../support/pools.ts";

const priced = pool({ maxMachines: 8, maxGrowthRate: 8, idleCount: 1, cost: { usdPerHour: 0.1 } });
/** Its machines are none of those that are there, which are pretended: all that is idle is replaced. */
const file = (lines: string): string =>
  `max_machines = 100\n[[pool]]\nname = "small"\nmax_machines = 8\nmax_growth_rate = 8\n${lines}\n[pool.cost]\nusd_per_hour = 0.1\n`;
const lease = { poolName: "small", holder: "test", ttlMs: 3_600_000 };

async function manager() {
  const config = simulatedConfig({ pools: [priced], maxMachines: 100 });
  const { running, clock } = await composeForTest(config, {}, { resumesJobs: true, live: createLiveConfig(config) });
  // Jobs come three at once, each quarter of an hour.
  for (let n = 0; n < 30; n += 1) {
    const views = await Promise.all([1, 2, 3].map(() => running.manager.acquireLease(lease)));
    await clock.advance(5 * 60_000);
    for (const view of views) await running.manager.releaseLease(view.lease.id);
    await clock.advance(10 * 60_000);
  }
  return { running, clock };
}

it("tells which level a new target would ask for now, by the jobs of the past, and launches for it", async () => {
  const { running } = await manager();
  const target = '[pool.target]\nwait = "0s"\nshare = 0.95';

  const diff = await running.manager.diffConfig(file(target), "mayfly.toml");

  const [small] = diff.pools;
  expect(small?.levelBefore).toBeUndefined();
  expect(small?.levelAfter).toBeGreaterThanOrEqual(2);
  expect(small?.launched).toBe(small?.levelAfter);
  expect(small?.idleUsdPerDayAfter).toBeUndefined();
  expect(diff.overall).toBeUndefined();
  await running.close(AbortSignal.abort());
});

it("tells what a new budget would leave of the day, and launches no more than that", async () => {
  const { running } = await manager();

  const [rich, poor] = [
    await running.manager.diffConfig(file("idle_count = 4\nbudget_per_day = 50"), "mayfly.toml"),
    await running.manager.diffConfig(file("idle_count = 4\nbudget_per_day = 0.1"), "mayfly.toml"),
  ];

  expect(rich.pools[0]).toMatchObject({ launched: 4, budget: expect.stringContaining("budget_per_day ($50.00): $") });
  expect(poor.pools[0]).toMatchObject({ launched: 0, budget: expect.stringContaining("budget_per_day ($0.1000): $") });
  await running.close(AbortSignal.abort());
});

it("tells of all pools what another limit over all of them would let be launched", async () => {
  const config = simulatedConfig({ pools: [{ ...priced, idleCount: 2 }, pool({ name: "other" })], maxMachines: 100 });
  const { running, clock } = await composeForTest(config, {}, { resumesJobs: true, live: createLiveConfig(config) });
  await clock.advance(60_000);
  const text = `max_machines = 4\n[[pool]]\nname = "small"\nmax_machines = 8\nidle_count = 2\n[pool.cost]\nusd_per_hour = 0.1\n[[pool]]\nname = "other"\nidle_count = 2\n`;

  const diff = await running.manager.diffConfig(text, "mayfly.toml");

  expect(diff.overall).toEqual({ machines: 3, before: 100, after: 4 });
  expect(diff.pools.map(({ poolName }) => poolName)).toEqual(expect.arrayContaining(["small", "other"]));
  expect(diff.pools.reduce((sum, { launched }) => sum + launched, 0)).toBe(1);
  await running.close(AbortSignal.abort());
});
