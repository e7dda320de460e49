import { describe, expect, it } from "vitest";
import { NotFoundError, TransientError } from "../../../src/domain/errors.ts";
import type { LeaseId } from "../../../src/domain/ids.ts";
import { countByState } from "../../../src/planning/observed.ts";
import { PartialListError } from "../../../src/ports/driver.ts";
import { pool } from "../../support/pools.ts";
import { startWorld } from "../../support/world.ts";
import type { World } from "../../support/world.ts";

// What other systems leaked, by the thread that tells of it: the same must leave nothing behind here.

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

const acquire = async (world: World): Promise<LeaseId> =>
  (await world.leases.request({ poolName: "small", holder: "test", ttlMs: HOUR_MS })).id;
const unknownInstances = (world: World): string[] => {
  const known = new Set(world.fleet.state.machines().map((m) => ("providerId" in m ? m.providerId : "")));
  return world.provider.instances().flatMap(({ providerId }) => (known.has(providerId) ? [] : [providerId]));
};

describe("an instance whose launch went wrong half-way", () => {
  // aws/karpenter-provider-aws#549: of 1,000 launched at once, one in ten never came to have a node, and nobody ended it.
  it("is ended when one in ten of many launches loses its answer", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 0, maxMachines: 100, maxGrowthRate: 100 })] });
    for (let i = 0; i < 10; i++) world.provider.failNext("launch", new TransientError("reset", "reset"), "after");
    const ids = await Promise.all(Array.from({ length: 100 }, () => acquire(world)));

    await world.clock.advance(10 * MINUTE_MS);
    const [held, left] = [countByState(world.fleet.state.machines()).leased, unknownInstances(world)];
    for (const id of ids) await world.leases.release(id, "released", "done");
    await world.clock.advance(30 * MINUTE_MS);

    expect({ held, left }).toEqual({ held: 100, left: [] });
    expect(world.provider.instances()).toEqual([]);
  });

  // aws/karpenter-provider-aws#2734: the next instance got the address of one that had died; the end of the old name took the
  // wrong record away, and 20 instances ran on for days.
  it("is told from the one that had its address before", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 1, maxMachines: 2 })], hosts: ["127.0.0.9"] });
    await world.clock.advance(MINUTE_MS);
    const [old] = world.provider.instances();
    for (let i = 0; i < 3; i++) world.provider.failNext("terminate", new TransientError("throttled", "slow down"));

    world.provider.vanishInstance(old?.providerId ?? "");
    await world.clock.advance(10 * MINUTE_MS);

    const [next, ...others] = world.provider.instances();
    expect(others).toEqual([]);
    expect(next?.address).toEqual(old?.address);
    expect(await world.store.machine(old?.machineId as never)).toMatchObject({ state: "terminated" });
    expect(await world.store.machine(next?.machineId as never)).toMatchObject({ state: "idle" });
  });

  it("is kept in mind for as long as lists are without its account, and ended when they tell of it", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 0, maxMachines: 1 })] });
    world.provider.failNext("launch", new TransientError("reset", "reset"), "after");
    const { list } = world.lies;
    world.lies.list = () => {
      throw new PartialListError([], "one account does not answer");
    };
    await acquire(world);
    await world.clock.advance(30 * MINUTE_MS);
    const [kept] = world.fleet.state.machines();
    world.lies.list = list;
    await world.clock.advance(3 * MINUTE_MS);

    expect(kept?.state).toBe("terminating");
    expect(await world.store.machine(kept?.id as never)).toMatchObject({
      state: "terminated",
      reason: "launch-failed",
    });
    expect(unknownInstances(world)).toEqual([]);
  });

  // kubernetes-sigs/karpenter#1448: a crash after the provider's answer and before its record made two instances for one claim.
  it("is not launched again by the manager that follows a crash", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 0 })] });
    world.kill("driver.launch", "after");
    const id = await acquire(world);
    await world.clock.advance(1_000);
    expect(world.provider.instances()).toHaveLength(1);

    await world.restart();
    await world.clock.advance(10 * MINUTE_MS);

    const launches = world.provider.calls.filter(({ verb }) => verb === "launch");
    expect(launches.map(({ about }) => about)).toEqual([launches[0]?.about, launches[0]?.about]);
    expect(world.provider.instances()).toHaveLength(1);
    expect(await world.store.lease(id)).toMatchObject({ state: "held" });
  });

  // Hetzner's provider, #61: a server that was created although its creation had been answered with an error was never adopted.
  it("is found by its tag when the answer was an error", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 0, maxMachines: 1 })] });
    world.provider.failNext("launch", new TransientError("server-error", "500"), "after");

    const id = await acquire(world);
    await world.clock.advance(10 * MINUTE_MS);

    expect(await world.store.lease(id)).toMatchObject({ state: "held" });
    expect(unknownInstances(world)).toEqual([]);
    expect(world.provider.instances()).toHaveLength(1);
  });
});

describe("an instance that is hard to end", () => {
  // GitLab Runner's docker+machine: after MaxRemovalAttempts (30) failed removals it drops the machine from its state for good.
  it("is not given up after however many failures", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 0, idleTimeMs: 0, maxMachines: 1 })] });
    const id = await acquire(world);
    await world.clock.advance(MINUTE_MS);
    let refusals = 0;
    world.lies.terminate = () => {
      refusals += 1;
      return new TransientError("throttled", "slow down");
    };

    await world.leases.release(id, "released", "done");
    await world.clock.advance(2 * HOUR_MS);
    const [stillKnown] = world.fleet.state.machines();
    world.lies.terminate = () => undefined;
    await world.clock.advance(2 * MINUTE_MS);

    expect(refusals).toBeGreaterThan(30);
    expect(stillKnown).toMatchObject({ state: "terminating", reason: "lease-released" });
    expect(world.provider.instances()).toEqual([]);
  });

  // github-aws-runners/terraform-aws-github-runner#4724: marked as an orphan, and a look-up that answered 404 kept it for ever.
  it("is ended although the first answers about it are 404", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 0, idleTimeMs: 0 })] });
    const id = await acquire(world);
    await world.clock.advance(MINUTE_MS);
    let answers = 0;
    world.lies.terminate = () => {
      answers += 1;
      return answers <= 5 ? new NotFoundError("not-found", "404") : undefined;
    };

    await world.leases.release(id, "released", "done");
    await world.clock.advance(10 * MINUTE_MS);

    expect(world.provider.instances()).toEqual([]);
    expect(world.fleet.state.machines()).toEqual([]);
  });

  it("is reaped although nobody knows it and the first answers about it are 404", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 0 })] });
    await world.clock.advance(1_000);
    const stray = { owner: "test", token: "t-x", machineId: "m-stray", poolName: "small" } as never;
    world.provider.driverSide.add(stray);
    let answers = 0;
    world.lies.terminate = () => {
      answers += 1;
      return answers <= 3 ? new NotFoundError("not-found", "404") : undefined;
    };

    await world.clock.advance(10 * MINUTE_MS);

    expect(world.provider.instances()).toEqual([]);
  });

  // github-aws-runners/terraform-aws-github-runner#5007: registrations of instances that a spot market took stayed for ever.
  it("leaves no record behind when it was taken back while there was no manager", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 2 })] });
    await world.clock.advance(MINUTE_MS);
    const ghosts = world.provider.instances().map(({ machineId }) => machineId);
    world.kill();
    for (const { providerId } of world.provider.instances()) world.provider.vanishInstance(providerId);

    await world.restart();
    await world.clock.advance(10 * MINUTE_MS);

    for (const id of ghosts) expect(await world.store.machine(id)).toMatchObject({ state: "terminated" });
    expect(countByState(world.fleet.state.machines())).toMatchObject({ idle: 2, terminating: 0 });
    expect(world.provider.instances()).toHaveLength(2);
  });
});
