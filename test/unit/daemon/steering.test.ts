import { expect, it } from "vitest";
import { createMemoryStore } from "../../../src/simulation/store.ts";
import { composeForTest, simulatedConfig } from "../../support/composed.ts";
import { pool } from "../../support/pools.ts";

const config = simulatedConfig({ pools: [pool({ name: "small" }), pool({ name: "large" })] });

const modesOf = async ({ running }: Awaited<ReturnType<typeof composeForTest>>): Promise<unknown> =>
  (await running.manager.pools()).map(({ desired, mode, steeredBy }) => [desired.name, mode, steeredBy]);

it("steers all pools beside what each was told, says who did it, and remembers it over a restart", async () => {
  const store = { ...createMemoryStore(), close: async () => undefined };
  const first = await composeForTest(config, { store });
  await first.clock.advance(60_000);

  await first.running.manager.cordonPool("small");
  expect(await first.running.manager.drainAll()).toHaveLength(2);
  await first.clock.advance(60_000);

  expect(first.provider.instances()).toEqual([]);
  await first.running.handOver();
  const second = await composeForTest(config, { store });
  expect(await modesOf(second)).toEqual([
    ["small", "draining", "all"],
    ["large", "draining", "all"],
  ]);
  await second.running.manager.resumeAll();
  expect(await modesOf(second)).toEqual([
    ["small", "cordoned", "pool"],
    ["large", "open", undefined],
  ]);
  await second.clock.advance(60_000);
  expect(second.provider.instances().map(({ poolName }) => poolName)).toEqual(["large"]);
});

it("shows every pool as draining, by the stop, while the manager stops", async () => {
  const composed = await composeForTest(config);
  await composed.clock.advance(60_000);

  await composed.running.drain(new AbortController().signal);

  expect(await modesOf(composed)).toEqual([
    ["small", "draining", "stop"],
    ["large", "draining", "stop"],
  ]);
});
