import { expect, it } from "vitest";
import { viewPool } from "../../src/pool/control.ts";
import { nudge } from "../../src/pool/fleet.ts";
import { pool } from "../support/pools.ts";
import { startWorld } from "../support/world.ts";
import type { World } from "../support/world.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const signal = new AbortController().signal;

/** Idle machines by the minute, from now on. */
async function idleEachMinute(world: World, minutes: number): Promise<number[]> {
  const counts: number[] = [];
  for (let minute = 0; minute < minutes; minute += 1) {
    await world.clock.advance(MINUTE_MS);
    counts.push(viewPool(world.fleet, "small").machines.idle);
  }
  return counts;
}

// A world begins on Thursday, 1 January 1970, at 0:00 UTC.
const nightAndDay = pool({
  ...{ idleCount: 0, idleTimeMs: 0, maxGrowthRate: 4 },
  schedule: [{ periods: ["* 2 * * *"], timezone: "UTC", idleCount: 3 }],
});

it("launches at the moment at which a section begins, and lets go when it ends", async () => {
  const world = await startWorld({ pools: [nightAndDay], bootMs: 20_000 });
  // Passes come twice a minute by themselves; after this one, none of them comes on the hour.
  await world.clock.advance(7_000);
  nudge(world.fleet);
  await world.clock.advance(2 * HOUR_MS - 7_001);
  const callsBefore = world.provider.calls.filter(({ verb }) => verb === "launch").length;
  await world.clock.advance(1);
  const callsAtTwo = world.provider.calls.filter(({ verb }) => verb === "launch").length;
  const during = await idleEachMinute(world, 59);
  await world.clock.advance(MINUTE_MS);
  const [after] = await idleEachMinute(world, 1);

  expect([callsBefore, callsAtTwo]).toEqual([0, 3]);
  expect(during).toEqual(Array.from({ length: 59 }, () => 3));
  expect(after).toBe(0);
  expect(world.errors).toEqual([]);
});

it("shows which section holds, until when, and what it makes of the wish", async () => {
  const world = await startWorld({ pools: [nightAndDay] });
  await world.clock.advance(MINUTE_MS);
  const before = viewPool(world.fleet, "small");
  await world.clock.advance(2 * HOUR_MS);
  const during = viewPool(world.fleet, "small");

  expect(before.wish).toEqual({
    ...{ idleCount: 0, stoppedCount: undefined, idleTimeMs: 0, sectionIndex: undefined, changesAt: 2 * HOUR_MS },
    why: "no schedule section until 1970-01-01 02:00 UTC",
  });
  expect(during.wish).toMatchObject({ idleCount: 3, sectionIndex: 0, changesAt: 3 * HOUR_MS });
  expect(during.why).toBe(
    "3 idle, 0 booting, 0 leased, 0 terminating; idle_count 3 is met; schedule section 1 (* 2 * * *, UTC) until 1970-01-01 03:00 UTC",
  );
  expect(during.desired).toBe(nightAndDay);
});

it("keeps more ready while more is leased", async () => {
  const scaled = pool({ ...{ maxMachines: 12, idleCount: 4, idleCountMin: 1 }, idleScaleFactor: 1, maxGrowthRate: 9 });
  const world = await startWorld({ pools: [scaled] });
  await world.clock.advance(5 * MINUTE_MS);
  const quiet = viewPool(world.fleet, "small").machines;
  for (let job = 0; job < 3; job += 1) {
    const { id } = await world.leases.request({ poolName: "small", holder: "test", ttlMs: 60 * MINUTE_MS });
    const held = world.leases.waitUntilHeld(id, () => undefined, signal);
    await world.clock.advance(2 * MINUTE_MS);
    await held;
  }
  const busy = viewPool(world.fleet, "small");

  expect(quiet.idle).toBe(1);
  expect(busy.machines).toMatchObject({ leased: 3, idle: 3 });
  expect(busy.why).toContain("idle_count is 3 by idle_scale_factor 1 of 3 leased");
});
