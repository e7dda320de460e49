import { describe, expect, it } from "vitest";
import { SystemError } from "../../../src/domain/errors.ts";
import type { LeaseId } from "../../../src/domain/ids.ts";
import { countByState } from "../../../src/planning/observed.ts";
import { pool } from "../../support/pools.ts";
import { startWorld } from "../../support/world.ts";
import type { World } from "../../support/world.ts";

// How other systems launched too much, too little or nothing any more, by the thread that tells of it.

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const signal = new AbortController().signal;

const acquire = async (world: World, poolName = "small"): Promise<LeaseId> =>
  (await world.leases.request({ poolName, holder: "test", ttlMs: 24 * HOUR_MS, waitTimeoutMs: 24 * HOUR_MS })).id;
const launchesOf = (world: World): number => world.provider.calls.filter(({ verb }) => verb === "launch").length;

describe("launches follow those who wait", () => {
  // github-aws-runners/terraform-aws-github-runner#1853: jobs cancelled while all runners were busy still launched one each, and
  // a large fleet stood idle.
  it("launches nothing for jobs that were cancelled while they waited", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 0, idleTimeMs: MINUTE_MS, maxMachines: 2 })] });
    const busy = [await acquire(world), await acquire(world)];
    await world.clock.advance(MINUTE_MS);
    const waiting = await Promise.all(Array.from({ length: 200 }, () => acquire(world)));

    for (const id of waiting) await world.leases.release(id, "cancelled", "changed my mind");
    for (const id of busy) await world.leases.release(id, "released", "done");
    await world.clock.advance(10 * MINUTE_MS);

    expect(launchesOf(world)).toBe(2);
    expect(world.provider.instances()).toEqual([]);
  });

  // github-aws-runners/terraform-aws-github-runner#3130: above fifty jobs a minute jobs took each other's runners, and some
  // waited for eleven hours.
  it("serves a hundred jobs a minute in the order of their arrival, each on a machine of its own", async () => {
    const most = { maxMachines: 200, maxGrowthRate: 50 };
    const world = await startWorld({ pools: [pool({ idleCount: 0, ...most })], maxMachines: 200, bootMs: 20_000 });
    const asked: LeaseId[] = [];
    const served: LeaseId[] = [];
    const machines = new Set<string>();
    let longestMs = 0;
    const live = async (id: LeaseId): Promise<void> => {
      const since = world.clock.now();
      const held = await world.leases.waitUntilHeld(id, () => undefined, signal);
      longestMs = Math.max(longestMs, world.clock.now() - since);
      served.push(id);
      machines.add(held.machineId);
      await world.clock.sleep(30_000);
      await world.leases.release(id, "released", "done");
    };

    for (let second = 0; second < 300; second++) {
      for (let i = 0; i < (second % 3 === 0 ? 5 : 0); i++) {
        const id = await acquire(world);
        asked.push(id);
        live(id).catch((error: unknown) => void world.errors.push(error));
      }
      await world.clock.advance(SECOND_MS);
    }
    await world.clock.advance(5 * MINUTE_MS);

    expect(served).toEqual(asked);
    expect(machines.size).toBe(asked.length);
    expect(longestMs).toBeLessThan(MINUTE_MS);
    expect(world.errors).toEqual([]);
  });
});

describe("a provider that refuses", () => {
  // kubernetes-sigs/karpenter#3198: 2,700 claims in 90 minutes while there was no capacity, at the cost of every other pool.
  it("is asked a few times a minute for as long as it has no room, and other pools do not notice", async () => {
    const pools = [pool({ idleCount: 0, maxMachines: 100, maxGrowthRate: 100 }), pool({ name: "other", idleCount: 0 })];
    const world = await startWorld({ pools, maxMachines: 200 });
    world.provider.setMaxInstances(0);
    for (let i = 0; i < 600; i++) await acquire(world);

    await world.clock.advance(90 * MINUTE_MS);
    const refused = launchesOf(world);
    world.provider.setMaxInstances(1);
    const other = await acquire(world, "other");
    await world.clock.advance(5 * MINUTE_MS);

    // A hundred go out at once before the first answer; from then on it is one at a time.
    expect(refused).toBeLessThan(100 + 3 * 90);
    const states = [(await world.store.lease(other))?.state, countByState(world.fleet.state.machines("small")).leased];
    expect([
      ["held", 0],
      ["waiting", 1],
    ]).toContainEqual(states);
  });

  // runs-on/terraform-aws-runs-on#60: a termination that a restart repeated was answered by UnauthorizedOperation, since an
  // instance that is gone has no tags to be allowed by. It was tried for ever, and nothing was launched any more.
  it("does not wedge a restart with denied terminations of what is gone", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 1, maxMachines: 1 })] });
    await world.clock.advance(MINUTE_MS);
    const id = await acquire(world);
    const [machine] = world.fleet.state.machines();
    world.kill("driver.terminate", "after");
    await world.leases.release(id, "released", "done").catch(() => undefined);
    await world.clock.advance(SECOND_MS);
    expect(world.provider.instances()).toEqual([]);
    world.lies.terminate = () => new SystemError("unauthorized", "UnauthorizedOperation: not authorized");

    await world.restart();
    const next = await acquire(world);
    await world.clock.advance(5 * MINUTE_MS);

    expect(await world.store.machine(machine?.id as never)).toMatchObject({ state: "terminated" });
    expect(await world.store.lease(next)).toMatchObject({ state: "held" });
  });
});
