import { describe, expect, it } from "vitest";
import { TransientError } from "../../../src/domain/errors.ts";
import type { LeaseId } from "../../../src/domain/ids.ts";
import type { HeldMachine } from "../../../src/ports/leases.ts";
import { steerPool } from "../../../src/pool/control.ts";
import { pool } from "../../support/pools.ts";
import { startWorld } from "../../support/world.ts";
import type { World } from "../../support/world.ts";

// Machines that other systems ended under a running job, by the thread that tells of it.

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const signal = new AbortController().signal;

async function startWork(world: World): Promise<{ readonly id: LeaseId; readonly held: HeldMachine }> {
  const request = world.leases.request({ poolName: "small", holder: "job", ttlMs: 24 * HOUR_MS });
  const holding = request.then(({ id }) => world.leases.waitUntilHeld(id, () => undefined, signal));
  holding.catch(() => undefined);
  // The store may take its time, which passes on the virtual clock alone.
  await world.clock.advance(MINUTE_MS);
  return { id: (await request).id, held: await holding };
}

async function expectAtWork(world: World, { id, held }: { id: LeaseId; held: HeldMachine }): Promise<void> {
  expect(held.lost.aborted).toBe(false);
  expect(await world.store.lease(id)).toMatchObject({ state: "held", machineId: held.machineId });
  expect(world.provider.instances().map(({ machineId }) => machineId)).toContain(held.machineId);
}

describe("a machine with a job", () => {
  // github-aws-runners/terraform-aws-github-runner#5085: a job came between the look whether a runner was busy and its
  // termination, and was killed 13 seconds in.
  it("is not ended by a decision that was made before its job came", async () => {
    const fates = new Set<string>();

    for (let offsetMs = -60; offsetMs <= 60; offsetMs += 5) {
      const maxAgeMs = 10 * MINUTE_MS;
      const world = await startWorld({ pools: [pool({ idleCount: 1, maxAgeMs })], commitMs: 20 });
      await world.clock.advance(MINUTE_MS);
      const [idle] = world.provider.instances();
      await world.clock.advance((idle?.launchedAt ?? 0) + maxAgeMs - world.clock.now() + offsetMs);
      const work = await startWork(world);
      await world.clock.advance(MINUTE_MS);

      await expectAtWork(world, work);
      fates.add(work.held.machineId === idle?.machineId ? "got the old machine" : "got another");
    }

    expect([...fates].sort()).toEqual(["got another", "got the old machine"]);
  });

  // github-aws-runners/terraform-aws-github-runner#4391: a list that did not show busy runners yet made orphans of them.
  it("is not ended by lists that are without it", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 0 })] });
    const work = await startWork(world);

    world.lies.list = () => [];
    await world.clock.advance(30 * MINUTE_MS);

    await expectAtWork(world, work);
  });

  it("is not ended by lists that fail", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 0 })] });
    const work = await startWork(world);

    for (let i = 0; i < 200; i++) world.provider.failNext("list", new TransientError("throttled", "slow down"));
    await world.clock.advance(30 * MINUTE_MS);

    await expectAtWork(world, work);
  });

  // github-aws-runners/terraform-aws-github-runner#3802: after runner_boot_time_in_minutes a busy runner counted as an orphan.
  it("is not ended by its boot's time, its idle time or its age", async () => {
    const times = { bootTimeoutMs: 2 * MINUTE_MS, idleTimeMs: MINUTE_MS, maxAgeMs: 10 * MINUTE_MS };
    const world = await startWorld({ pools: [pool({ idleCount: 1, ...times, jobTimeoutMs: HOUR_MS })] });
    const work = await startWork(world);

    await world.clock.advance(55 * MINUTE_MS);

    await expectAtWork(world, work);
  });

  // pytorch/test-infra#6473: scale-down took ephemeral runners that had work.
  it("is not ended when the fleet around it is scaled down to nothing", async () => {
    const world = await startWorld({ pools: [pool({ idleCount: 3, maxMachines: 4 })] });
    const work = await startWork(world);

    await steerPool(world.fleet, "small", "draining");
    await world.clock.advance(30 * MINUTE_MS);

    await expectAtWork(world, work);
    expect(world.provider.instances()).toHaveLength(1);
  });
});
