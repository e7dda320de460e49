import { expect, it } from "vitest";
import { MACHINES, MEMORY_GOAL_BYTES, startMeasuredManager } from "../../bench/memory.ts";

it("stays under 150 MB with 10 idle machines, while it is asked about them", async () => {
  await using manager = await startMeasuredManager();
  const readings = [await manager.residentBytes()];

  for (let asked = 0; asked < 50; asked += 1) await manager.client.machines(false);
  readings.push(await manager.residentBytes());

  expect(await manager.client.machines(false)).toHaveLength(MACHINES);
  expect(Math.max(...readings)).toBeLessThan(MEMORY_GOAL_BYTES);
});
