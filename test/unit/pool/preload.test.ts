import { beforeEach, describe, expect, it } from "vitest";
import { JobError } from "../../../src/domain/errors.ts";
import { viewPool } from "../../../src/pool/control.ts";
import type { Engine } from "../../../src/ports/engine.ts";
import { createFakeEngine } from "../../support/fakeEngine.ts";
import { pool } from "../../support/pools.ts";
import { startWorld } from "../../support/world.ts";
import type { World } from "../../support/world.ts";

const MINUTE_MS = 60_000;
const BOOT_MS = 30_000;
const request = { poolName: "small", holder: "test", ttlMs: 60 * MINUTE_MS };

/** A pool whose machines have an engine of the test's; what each was asked, in the order of the machines' boots. */
interface Preloading {
  readonly world: World;
  readonly calls: string[][];
}

async function startPreloading(
  preload: readonly string[],
  change: (engine: Engine, index: number) => Partial<Engine> = () => ({}),
  idleCount = 1,
): Promise<Preloading> {
  const world = await startWorld({ pools: [pool({ name: "small", idleCount, preload })], bootMs: BOOT_MS });
  const calls: string[][] = [];
  const { connect } = world.guest;
  const changed: typeof connect = async (...args) => {
    const ready = await connect(...args);
    const fake = createFakeEngine({ local: ["there:1"] });
    calls.push(fake.calls);
    const engine = { ...fake, ...change(fake, calls.length - 1) };
    return { ...ready, engine };
  };
  Object.assign(world.guest, { connect: changed });
  return { world, calls };
}

describe("an idle machine of a pool with a preload list", () => {
  it("fetches what it lacks, in the list's order, once", async () => {
    const { world, calls } = await startPreloading(["debian:12", "there:1", "alpine"]);

    await world.clock.advance(10 * MINUTE_MS);

    expect(calls).toEqual([["pull debian:12", "pull alpine"]]);
    expect(world.errors).toEqual([]);
  });

  it("fetches what a changed list has more, without giving way to another machine", async () => {
    const { world, calls } = await startPreloading(["debian:12"]);
    await world.clock.advance(2 * MINUTE_MS);

    world.desired = { ...world.desired, pools: [pool({ name: "small", preload: ["debian:12", "alpine"] })] };
    await world.clock.advance(2 * MINUTE_MS);

    expect(calls).toEqual([["pull debian:12", "pull alpine"]]);
  });

  it("tries again later what could not be fetched, ever more seldom, says so, and stays fit meanwhile", async () => {
    const tries: number[] = [];
    const { world } = await startPreloading(["nobody/has:it", "debian:12"], (engine) => ({
      async pull(image, ...rest) {
        if (image === "debian:12") return engine.pull(image, ...rest);
        tries.push(world.clock.now());
        throw new JobError("image-pull-failed", `cannot pull image "${image}": not found`);
      },
    }));

    await world.clock.advance(20 * MINUTE_MS);

    const pauses = tries.slice(1).map((at, index) => Math.round((at - (tries[index] ?? 0)) / MINUTE_MS));
    expect(pauses).toEqual([1, 2, 4, 8]);
    const view = world.fleet.preloads.problem("small", "nobody/has:it");
    expect(view).toMatchObject({ failures: 5, text: 'cannot pull image "nobody/has:it": not found' });
    expect(world.fleet.preloads.problem("small", "debian:12")).toBeUndefined();
    expect(world.fleet.state.machines("small")).toMatchObject([{ state: "idle" }]);
  });

  it("is looked at though nothing can be fetched, and is no problem where it has the image", async () => {
    const { world } = await startPreloading(["debian:12"], (engine, index) => ({
      pull: () => Promise.reject(new JobError("image-pull-failed", "no such host")),
      // The machines after the first are restored ones, say.
      inspectImage: (image, signal) => engine.inspectImage(index === 0 ? image : "there:1", signal),
    }));
    await world.clock.advance(BOOT_MS + 5_000);
    const [first] = world.fleet.state.machines("small");
    const before = viewPool(world.fleet, "small").preloadProblems;

    await world.leases.request(request);
    await world.clock.advance(BOOT_MS + 10_000);
    const after = viewPool(world.fleet, "small").preloadProblems;

    expect(first?.state).toBe("idle");
    expect(before).toMatchObject([{ image: "debian:12", text: "no such host" }]);
    expect(world.fleet.state.machines("small").map(({ state }) => state)).toEqual(["leased", "idle"]);
    expect(after).toBeUndefined();
  });

  it("counts once what several machines find out of a name at the same time", async () => {
    let tries = 0;
    const { world } = await startPreloading(
      ["nobody/has:it"],
      () => ({
        async pull(image) {
          tries += 1;
          await world.clock.sleep(1_000);
          throw new JobError("image-pull-failed", `cannot pull image "${image}": not found`);
        },
      }),
      4,
    );

    await world.clock.advance(10 * MINUTE_MS);

    expect(world.fleet.state.machines("small").length).toBe(4);
    expect(world.fleet.preloads.problem("small", "nobody/has:it")?.failures).toBe(4);
    expect(tries).toBeGreaterThan(4);
  });

  it("gives up what takes too long", async () => {
    const { world } = await startPreloading(["huge:1"], () => ({ pull: untilAborted([]) }));

    await world.clock.advance(BOOT_MS + 16 * MINUTE_MS);

    expect(world.fleet.preloads.problem("small", "huge:1")?.text).toBe("it was not there within 15 minutes");
    expect(world.fleet.state.machines("small")).toMatchObject([{ state: "idle" }]);
  });
});

describe("a lease in the midst of a fetch", () => {
  let preloading: Preloading;
  let aborted: string[];
  beforeEach(async () => {
    aborted = [];
    preloading = await startPreloading(["huge:1"], () => ({ pull: untilAborted(aborted) }));
    await preloading.world.clock.advance(BOOT_MS + 5_000);
  });

  it("gets the machine at once, and the fetch is called off by then", async () => {
    const { world } = preloading;
    const before = [...aborted];

    const lease = await world.leases.request(request);

    expect(before).toEqual([]);
    expect(lease.state).toBe("held");
    expect(aborted).toEqual(["the machine is not idle any more"]);
    expect(world.errors).toEqual([]);
  });

  it("is no failure of the image", async () => {
    const { world } = preloading;

    await world.leases.request(request);
    await world.clock.advance(1_000);

    expect(world.fleet.preloads.problem("small", "huge:1")).toBeUndefined();
    expect(world.fleet.preloading.size).toBe(0);
  });
});

it("ends with its manager in the midst of a fetch", async () => {
  const aborted: string[] = [];
  const { world } = await startPreloading(["huge:1"], () => ({ pull: untilAborted(aborted) }));
  await world.clock.advance(BOOT_MS + 5_000);

  await world.loop.handOver();

  expect(aborted).toEqual(["the manager is stopping"]);
});

/** A pull that never comes to an end by itself, and notes why it was called off. */
const untilAborted =
  (aborted: string[]): Engine["pull"] =>
  (_image, _auth, _onProgress, signal) =>
    new Promise((_resolve, reject) =>
      signal.addEventListener("abort", () => {
        aborted.push((signal.reason as Error).message);
        reject(signal.reason as Error);
      }),
    );
