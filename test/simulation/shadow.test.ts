import { describe, expect, it, vi } from "vitest";
import type { DesiredPool, ShadowWish } from "../../src/domain/pool.ts";
import { nudge } from "../../src/pool/fleet.ts";
import { periodFrom, replayRecord } from "../../src/pool/shadow/record.ts";
import type { Shadow } from "../../src/pool/shadow/shadow.ts";
import { viewShadows } from "../../src/pool/shadow/view.ts";
import type { PolicyFigures } from "../../src/ports/explain.ts";
import { drawFor } from "../../src/simulation/draw.ts";
import { pool } from "../support/pools.ts";
import { startWorld } from "../support/world.ts";
import type { World, WorldOptions } from "../support/world.ts";
import { DAYS_MS } from "./liveThrough.ts";

// Hours of a pool under several policies take long on a busy host.
vi.setConfig({ testTimeout: DAYS_MS });

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const signal = new AbortController().signal;

const acting = pool({ maxMachines: 12, idleCount: 2, idleTimeMs: 5 * MINUTE_MS, maxGrowthRate: 12 });

/** A shadow of a pool's own policy, but for what is said otherwise. */
function shadowOf(name: string, of: DesiredPool, otherwise: Partial<ShadowWish> = {}): ShadowWish {
  const { idleCount, idleTimeMs, maxMachines, maxGrowthRate } = of;
  const { schedule, stoppedCount } = otherwise;
  return { idleCount, idleTimeMs, maxMachines, maxGrowthRate, stoppedCount, schedule, ...otherwise, name };
}

/** Has jobs come at random for some hours, in bursts now and then. */
async function liveHours(world: World, hours: number, seed = 1): Promise<void> {
  const draw = drawFor(seed, "jobs of a shadowed pool");
  const endAt = world.clock.now() + hours * HOUR_MS;
  while (world.clock.now() < endAt) {
    const burst = draw.pick([1, 1, 2, 5]);
    for (let n = 0; n < burst; n += 1) startJob(world, draw.between(30_000, 15 * MINUTE_MS));
    await world.clock.advance(Math.min(draw.between(1_000, 12 * MINUTE_MS), endAt - world.clock.now()));
  }
}

function startJob(world: World, runMs: number): void {
  const run = async (): Promise<void> => {
    const request = { poolName: "small", holder: "test", ttlMs: HOUR_MS, waitTimeoutMs: 4 * HOUR_MS };
    const { id } = await world.leases.request(request);
    await world.leases.waitUntilHeld(id, () => undefined, signal);
    await world.clock.sleep(runMs);
    await world.leases.release(id, "released", "done");
  };
  run().catch((error: unknown) => world.errors.push(error));
}

async function startShadowed(
  shadows: readonly ShadowWish[],
  of: DesiredPool = acting,
  options: Partial<WorldOptions> = {},
): Promise<World> {
  const world = await startWorld({ pools: [of], bootMs: 40_000, ...options });
  // The first boot is measured, so that all that come take as long as is planned with.
  await world.clock.advance(20 * MINUTE_MS);
  world.desired = { ...world.desired, pools: [{ ...of, shadows }] };
  await world.clock.advance(MINUTE_MS);
  return world;
}

const shadowIn = ({ fleet }: World, name: string): Shadow => {
  const shadow = fleet.shadows.byPool.get("small")?.get(name);
  if (shadow === undefined) throw new Error(`no shadow ${name}`);
  return shadow;
};

const recordsOf = async (world: World, name: string) =>
  (await world.store.shadowPeriods("small", name, 1_000)).flatMap(({ record }) => periodFrom(record) ?? []).reverse();

const NIGHT = { periods: ["* 20-23,0-4 * * *"], timezone: "Europe/Berlin" };

const policies: readonly (readonly [string, Partial<DesiredPool>])[] = [
  ["a constant", {}],
  ["a constant, one launch at a time", { maxGrowthRate: 1 }],
  ["in proportion to what is leased", { idleCount: 1, idleScaleFactor: 1, idleCountMax: 6 }],
  [
    "by the hour",
    { schedule: [{ periods: ["* 3-5,13-20 * * *"], timezone: "Europe/Berlin", idleCount: 5, idleTimeMs: MINUTE_MS }] },
  ],
];

describe("a shadow of the acting policy", () => {
  it.each(policies)("comes to the very waits, launches and machine time of its pool: %s", async (_, policy) => {
    const of = { ...acting, ...policy };
    const { schedule, idleScaleFactor, idleCountMax } = of;
    const world = await startShadowed([shadowOf("same", of, { schedule, idleScaleFactor, idleCountMax })], of);
    await liveHours(world, 20);

    const periods = await recordsOf(world, "same");
    const { totals } = shadowIn(world, "same");

    expect(world.errors).toEqual([]);
    expect(periods).toHaveLength(20);
    expect(totals.acting.served).toBeGreaterThan(200);
    expect(totals.acting.waitMs).toBeGreaterThan(10 * MINUTE_MS);
    expect(totals.shadow).toEqual(totals.acting);
    expect(totals.compared).toEqual({ jobs: totals.acting.served, savedMs: 0, addedMs: 0 });
    for (const { result, acting: real } of periods) expect(result.tally).toEqual(real);
  });
});

/** A list tells of a stop as soon as it is done, so that all stops take equally long. */
const atOnce = { listLagMs: 0 };
const tiered = {
  ...{ ...acting, maxMachines: 30, stoppedCount: 4 },
  cost: { usdPerHour: 0.1, usdPerGiBMonth: 7.3 },
  shape: { driver: "simulated" as const, diskGiB: 2 },
};

describe("a shadow of the acting policy of a pool with stopped machines", () => {
  it("comes to its very waits, launches and machine time, stopped machines among them, and to its cost", async () => {
    const policy = { ...tiered, schedule: [{ ...NIGHT, idleCount: 0, stoppedCount: 6 }] };
    const world = await startShadowed(
      [shadowOf("same", policy, policy), shadowOf("none", policy, { stoppedCount: 0 })],
      policy,
      atOnce,
    );
    await liveHours(world, 20);

    const { totals } = shadowIn(world, "same");
    const [same, none] = (await viewShadows(world.fleet, "small")).shadows.map(({ total }) => total);
    const starts = world.provider.calls.filter(({ verb }) => verb === "start");

    expect(world.errors).toEqual([]);
    expect(starts.length).toBeGreaterThan(50);
    expect(totals.acting.stoppedMs).toBeGreaterThan(40 * HOUR_MS);
    expect(totals.shadow).toEqual(totals.acting);
    expect(totals.compared).toEqual({ jobs: totals.acting.served, savedMs: 0, addedMs: 0 });
    for (const record of await recordsOf(world, "same")) expect(replayRecord(record)).toEqual(record.result);
    expect(same?.shadow).toEqual(same?.acting);
    expect(shadowIn(world, "none").totals.shadow.stoppedMs).toBe(0);
    expect(none?.shadow.costUsd).toBeCloseTo(machineHours(none?.shadow) * 0.12, 6);
    expect(same?.acting.costUsd).toBeCloseTo(
      machineHours(same?.acting) * 0.12 + (same?.acting.stoppedHours ?? 0) * 0.02,
      6,
    );
  });

  it("goes on with them after a restart, and after a kill", async () => {
    const world = await startShadowed([shadowOf("same", tiered, tiered)], tiered, atOnce);
    for (let hour = 0; hour < 6; hour += 1) {
      await liveHours(world, 1, hour);
      await world.clock.advance(40 * MINUTE_MS);
      if (hour % 2 === 0) world.kill();
      await world.restart();
      await world.clock.advance(2 * MINUTE_MS);
    }
    const { totals } = shadowIn(world, "same");

    expect(totals.shadow).toMatchObject({ served: totals.acting.served, launches: totals.acting.launches });
    expect(totals.shadow.stoppedMs / totals.acting.stoppedMs).toBeCloseTo(1, 1);
    for (const record of await recordsOf(world, "same")) expect(replayRecord(record)).toEqual(record.result);
    expect(world.errors).toEqual([]);
  });
});

describe("a shadow of the acting policy of a pool whose shape changes", () => {
  it.each([
    ["with room beside", acting],
    ["within tight limits", { ...acting, idleCount: 3, maxMachines: 5, maxGrowthRate: 1 }],
    ["with stopped machines", tiered],
  ])("rolls over as it does, to the very waits, launches and machine time: %s", async (_, of) => {
    const world = await startShadowed([shadowOf("same", of, { stoppedCount: of.stoppedCount })], of, atOnce);
    for (let hour = 0; hour < 10; hour += 1) {
      await liveHours(world, 1, hour);
      const [now] = world.desired.pools;
      const shape = { ...of.shape, driver: "simulated" as const, image: `image ${hour}` };
      if (now !== undefined && hour % 2 === 0) world.desired = { ...world.desired, pools: [{ ...now, shape }] };
      if (hour % 4 === 0) nudge(world.fleet);
    }
    await world.clock.advance(HOUR_MS);

    const { totals } = shadowIn(world, "same");
    const rolled = (await world.store.recentMachines(1e6)).filter(
      (machine) => "reason" in machine && machine.reason === "pool-changed",
    );

    expect(world.errors).toEqual([]);
    expect(rolled.length).toBeGreaterThan(5);
    expect(totals.acting.served).toBeGreaterThan(80);
    expect(totals.shadow).toEqual(totals.acting);
    expect(totals.compared).toEqual({ jobs: totals.acting.served, savedMs: 0, addedMs: 0 });
    for (const record of await recordsOf(world, "same")) expect(replayRecord(record)).toEqual(record.result);
  });
});

const machineHours = ({ idleHours = 0, bootingHours = 0, busyHours = 0 }: Partial<PolicyFigures> = {}): number =>
  idleHours + bootingHours + busyHours;

const target = { waitMs: 5_000, share: 0.95 };
const others = [
  shadowOf("none", acting, { idleCount: 0 }),
  shadowOf("many", acting, { idleCount: 8, maxMachines: 40, maxGrowthRate: 40 }),
  shadowOf("aimed", acting, { idleCount: 0, target }),
  shadowOf("poor", acting, { idleCount: 3, budgetUsdPerDay: 0.5 }),
];
const priced = { ...acting, cost: { usdPerHour: 0.1 } };

describe("shadows of other policies", () => {
  it("change nothing of what their pool does", async () => {
    const [plain, shadowed] = [await startShadowed([], priced), await startShadowed(others, priced)];
    for (const world of [plain, shadowed]) await liveHours(world, 20);
    const [machines, machinesBeside] = await Promise.all(
      [plain, shadowed].map(({ store }) => store.recentMachines(1e6)),
    );
    const [leases, leasesBeside] = await Promise.all([plain, shadowed].map(({ store }) => store.recentLeases(1e6)));

    expect(machines?.length).toBeGreaterThan(200);
    expect(machinesBeside).toEqual(machines);
    expect(leasesBeside).toEqual(leases);
    expect(shadowed.provider.calls).toEqual(plain.provider.calls);
  });

  it("wait more with fewer machines and less with more, for less money and for more", async () => {
    const world = await startShadowed(others, priced);
    await liveHours(world, 26);
    const [none, many, aimed, poor] = others.map(({ name }) => shadowIn(world, name).totals);
    const machineMs = ({ idleMs = 0, bootingMs = 0, busyMs = 0 }: Partial<Shadow["totals"]["shadow"]> = {}): number =>
      idleMs + bootingMs + busyMs;

    expect(world.errors).toEqual([]);
    expect(none?.shadow.waitMs).toBeGreaterThan(none?.acting.waitMs ?? 0);
    expect(none?.compared.savedMs).toBe(0);
    expect(machineMs(none?.shadow)).toBeLessThan(machineMs(none?.acting));
    expect(many?.shadow.waitMs).toBeLessThan(many?.acting.waitMs ?? 0);
    expect(many?.compared.addedMs).toBe(0);
    expect(many?.compared.savedMs).toBe((many?.acting.waitMs ?? 0) - (many?.shadow.waitMs ?? 0));
    expect(machineMs(many?.shadow)).toBeGreaterThan(machineMs(many?.acting));
    expect((aimed?.shadow.inTime ?? 0) / (aimed?.shadow.served ?? 1)).toBeGreaterThan(0.9);
    expect((machineMs(poor?.shadow) / HOUR_MS) * 0.1).toBeLessThan(2 * 0.5 + 0.2);
    expect(poor?.shadow.served).toBeLessThan(poor?.acting.served ?? 0);
  });

  it("come to the same figures again from their records alone, whatever the policy", async () => {
    const world = await startShadowed(
      [...others, shadowOf("hourly", acting, { schedule: policies[3]?.[1].schedule })],
      priced,
    );
    await liveHours(world, 21);
    world.desired = { ...world.desired, maxMachines: 6 };
    await liveHours(world, 6, 2);

    for (const { name } of [...others, { name: "hourly" }]) {
      const records = await recordsOf(world, name);
      expect(records.length).toBeGreaterThan(8);
      for (const record of records) expect(replayRecord(record)).toEqual(record.result);
    }
    expect(world.errors).toEqual([]);
  });
});

describe("a manager with shadows", () => {
  it("goes on after a restart, and after a kill, as if nothing had happened", async () => {
    const [world, restarted] = [await startShadowed([...others], priced), await startShadowed([...others], priced)];
    for (let hour = 0; hour < 8; hour += 1) {
      for (const one of [world, restarted]) await liveHours(one, 1, hour);
      for (const one of [world, restarted]) await one.clock.advance(30 * MINUTE_MS);
      if (hour % 2 === 0) restarted.kill();
      await restarted.restart();
      for (const one of [world, restarted]) await one.clock.advance(2 * MINUTE_MS);
    }

    for (const { name } of others.filter(({ target: aim }) => aim === undefined)) {
      const [through, kept] = [shadowIn(restarted, name), shadowIn(world, name)];
      expect(through.startedAt).toBe(kept.startedAt);
      expect(through.totals).toEqual(kept.totals);
      for (const record of await recordsOf(restarted, name)) expect(replayRecord(record)).toEqual(record.result);
    }
    expect(shadowIn(restarted, "aimed").totals.shadow.jobs).toBe(shadowIn(world, "aimed").totals.shadow.jobs);
    expect([...world.errors, ...restarted.errors]).toEqual([]);
  });

  it("switches one off that fails, says so once, and goes on as it was", async () => {
    const world = await startShadowed(others, priced);
    await liveHours(world, 2);
    shadowIn(world, "aimed").planner?.state.mix.weights.fill(Number.NaN);
    await liveHours(world, 2, 2);
    const { problem, book } = shadowIn(world, "aimed");
    await liveHours(world, 2, 3);

    expect(problem).not.toBe("");
    expect(world.errors).toEqual([
      expect.objectContaining({ message: "shadow failed and is switched off, its pool goes on as it was" }),
    ]);
    expect(shadowIn(world, "aimed").book.at).toBe(book.at);
    expect(shadowIn(world, "none").book.at).toBeGreaterThan(world.clock.now() - MINUTE_MS);
    await world.restart();
    await world.clock.advance(MINUTE_MS);
    expect(shadowIn(world, "aimed")).toMatchObject({ problem: "", startedAt: world.clock.now() - MINUTE_MS });
  });

  it("begins a shadow anew when its policy changes, keeps the others, and forgets those that are gone", async () => {
    const world = await startShadowed(others, priced);
    await liveHours(world, 3);
    const startedAt = shadowIn(world, "none").startedAt;
    const [none, many, ...rest] = others;
    if (none === undefined || many === undefined) throw new Error("no shadows");
    world.desired = { ...world.desired, pools: [{ ...priced, shadows: [none, { ...many, idleCount: 7 }] }] };
    await world.clock.advance(MINUTE_MS);

    expect(shadowIn(world, "none").startedAt).toBe(startedAt);
    expect(shadowIn(world, "many").startedAt).toBeGreaterThan(startedAt);
    expect([...(await world.store.shadowMemories("small")).keys()]).toEqual(expect.arrayContaining(["none"]));
    for (const { name } of rest) expect(await recordsOf(world, name)).toEqual([]);
    expect(world.errors).toEqual([]);
  });

  it("begins none before a boot of its pool was measured", async () => {
    const world = await startWorld({ pools: [{ ...acting, idleCount: 0, shadows: others }], bootMs: 40_000 });
    await world.clock.advance(HOUR_MS);
    const before = world.fleet.shadows.byPool.get("small");
    startJob(world, 60_000);
    await world.clock.advance(5 * MINUTE_MS);

    expect(before).toBeUndefined();
    expect(shadowIn(world, "none").startedAt).toBeGreaterThan(HOUR_MS);
  });
});
