import { expect, it } from "vitest";
import type { Config } from "../../src/config/config.ts";
import type { LoadedConfig } from "../../src/config/load.ts";
import { explainConfig } from "../../src/config/parse.ts";
import { createLiveConfig } from "../../src/daemon/liveConfig.ts";
import { createReloader } from "../../src/daemon/reload.ts";
import { ConfigError, ConflictError } from "../../src/domain/errors.ts";
import { shapeDigestOf } from "../../src/domain/recipe.ts";
import { countByState } from "../../src/planning/observed.ts";
import { nudge } from "../../src/pool/fleet.ts";
import { drawFor } from "../../src/simulation/draw.ts";
import type { Draw } from "../../src/simulation/draw.ts";
import { drawEdit } from "../support/configEdits.ts";
import { silentLogger } from "../support/jobs.ts";
import { simulatedPools } from "../support/pools.ts";
import { startWorld } from "../support/world.ts";
import type { World } from "../support/world.ts";

const EDITS = 50;
const DAY_MS = 24 * 3_600_000;
const HEAD = 'name = "test"\nstate_dir = "/var/lib/mayfly"\n';
const signal = new AbortController().signal;

/** What became of a job that came while the file was edited. */
type Fate = "done" | "its pool was removed";

const read = (text: string): LoadedConfig => {
  const explained = explainConfig(text, "mayfly.toml", "/var/lib/mayfly");
  return { ...explained, config: simulatedPools(explained.config), path: "/etc/mayfly/mayfly.toml" };
};

/** One job: waits for a machine, works on it for up to ten minutes, gives it back. Rejects when anything disturbs it. */
async function liveJob(world: World, draw: Draw, removals: ReadonlySet<string>): Promise<Fate | "no such pool"> {
  const poolName = draw.pick(["alpha", "alpha", "beta", "gamma"]);
  const workMs = draw.between(1_000, 600_000);
  try {
    const { id } = await world.leases.request({ poolName, holder: "test", ttlMs: DAY_MS, waitTimeoutMs: DAY_MS });
    const held = await world.leases.waitUntilHeld(id, () => undefined, signal);
    await world.clock.sleep(workMs, held.lost);
    expect(world.fleet.state.machine(held.machineId)?.state).toBe("leased");
    await world.leases.release(id, "released", "done");
    return "done";
  } catch (error) {
    if (error instanceof ConfigError && error.code === "unknown-pool") return "no such pool";
    if (!(error instanceof ConflictError) || error.code !== "pool-removed" || !removals.has(poolName)) throw error;
    return "its pool was removed";
  }
}

it.each([1, 2, 3, 4, 5])(
  "disturbs no job through fifty edits, and ends as the last valid file says (seed %i)",
  { timeout: 120_000 },
  async (seed) => {
    const draw = drawFor(seed, "config edits");
    const first = read(drawValid(draw));
    const file = { text: "" };
    const live = createLiveConfig(first.config, first.entries);
    const world = await startWorld({ ...live.current(), seed });
    const removals = new Set<string>();
    let expected: Config = first.config;
    const { reload, problem } = createReloader({
      ...{ live, clock: world.clock, logger: silentLogger },
      source: { load: async () => read(file.text) },
      onApplied: () => {
        for (const { name } of world.desired.pools)
          if (live.current().pools.every((pool) => pool.name !== name)) removals.add(name);
        world.desired = live.current();
        nudge(world.fleet);
      },
    });
    const jobs: Promise<Fate | "no such pool">[] = [];

    for (let edit = 0; edit < EDITS; edit += 1) {
      for (let job = draw.between(0, 3); job > 0; job -= 1) jobs.push(liveJob(world, draw, removals));
      const { text, isValid } = drawEdit(HEAD, draw);
      file.text = text;
      const outcome = await reload("the test").catch((error: unknown) => error);
      expect(outcome instanceof ConfigError, text).toBe(!isValid);
      expect(problem() !== undefined).toBe(!isValid);
      if (isValid) expected = read(text).config;
      await world.clock.advance(draw.between(100, 120_000));
    }
    await world.clock.advance(2 * 3_600_000);
    const fates = await Promise.all(jobs);
    await world.clock.advance(1_800_000);

    expect(fates.filter((fate) => fate === "done").length).toBeGreaterThan(20);
    expect(live.current()).toEqual(expected);
    expect(world.errors).toEqual([]);
    for (const pool of expected.pools) {
      const machines = world.fleet.state.machines(pool.name);
      expect(countByState(machines)).toMatchObject({ idle: pool.idleCount, booting: 0, leased: 0, terminating: 0 });
      for (const { shapeDigest } of machines) expect(shapeDigest).toBe(shapeDigestOf(pool));
    }
    const kept = expected.pools.reduce((sum, { idleCount }) => sum + idleCount, 0);
    expect(world.fleet.state.machineCount()).toBe(kept);
  },
);

function drawValid(draw: Draw): string {
  for (;;) {
    const { text, isValid } = drawEdit(HEAD, draw);
    if (isValid) return text;
  }
}
