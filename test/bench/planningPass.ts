import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adoptFleet } from "../../src/pool/adopt.ts";
import { createFleet } from "../../src/pool/fleet.ts";
import type { Fleet } from "../../src/pool/fleet.ts";
import type { DesiredPool } from "../../src/domain/pool.ts";
import { reconcileFleet } from "../../src/pool/reconcile.ts";
import type { Progress } from "../../src/ports/progress.ts";
import { createVirtualClock } from "../../src/simulation/clock.ts";

import { createSeededRandom } from "../../src/simulation/random.ts";
import { createTraceMachines } from "../../src/simulation/trace/machines.ts";
import { openStore } from "../../src/store/open.ts";
import { silentLogger as logger } from "../support/jobs.ts";
import { MACHINES_A_POOL, POOLS, changesOf, manyPools } from "./manyMachines.ts";
import { comparisonFrom } from "./turns.ts";
import type { Comparison } from "./turns.ts";

const GOAL_MS = 50;
/** Pools in which something happened since the last pass. */
const CHANGED_POOLS = 10;
const MIN_ROUNDS = 50;
const START_AT = Date.UTC(2026, 0, 1);

/** Compares one pass of the control loop over many pools and machines, each pass a second after the last, with one look at every machine. */
export async function comparePlanningPass(
  rounds: number,
  progress: Progress,
  signal: AbortSignal,
): Promise<Comparison> {
  const title = `a pass over ${POOLS} pools and ${POOLS * MACHINES_A_POOL} machines`;
  const step = progress.step(`Measuring ${title}`);
  await using many = await startMany();
  const pairs: [number, number][] = [];
  for (let round = 0; round <= Math.max(MIN_ROUNDS, rounds); round += 1) {
    signal.throwIfAborted();
    await many.happen(round);
    const pair: [number, number] = [await timed(many.look), await timed(many.pass)];
    // The first pass makes the planners of all targets, once.
    if (round > 0) pairs.push(pair);
  }
  step.done(`${pairs.length} rounds`);
  const names = ["one look at each machine", "the pass"] as const;
  return { ...comparisonFrom(title, "ms", names, pairs), goal: { of: "second", atMost: GOAL_MS } };
}

interface Many extends AsyncDisposable {
  /** Lets a second pass, in which jobs are asked for and something happens to a machine in some of the pools. */
  happen(round: number): Promise<void>;
  look(): Promise<void>;
  pass(): Promise<void>;
}

/** Starts a fleet whose passes are made by hand, over the store that production has. */
async function startMany(): Promise<Many> {
  const stateDir = await mkdtemp(join(tmpdir(), "mayfly-pass-"));
  const clock = createVirtualClock(START_AT);
  const store = await openStore(stateDir, { clock, logger });
  const pools = manyPools();
  for (const pool of pools) {
    const machines = Array.from({ length: MACHINES_A_POOL }, (_, n) => changesOf(pool, n, clock.now()));
    await store.commit(machines.flat());
  }
  const machines = createTraceMachines(clock, () => 1_000);
  const fleet = createFleet({
    ...{ store, clock, random: createSeededRandom(1), logger, guest: machines.guest },
    drivers: new Map([[machines.driver.name, machines.driver]]),
    desired: () => ({ pools, maxMachines: POOLS * MACHINES_A_POOL * 2 }),
  });
  await adoptFleet(fleet);
  return {
    async happen(round) {
      await clock.advance(1_000);
      for (let n = 0; n < CHANGED_POOLS; n += 1) await changeMachine(fleet, pools[(round * CHANGED_POOLS + n) % POOLS]);
    },
    look: async () => void fleet.state.machines().filter(({ state }) => state === "idle").length,
    pass: async () => void (await reconcileFleet(fleet)),
    async [Symbol.asyncDispose]() {
      await fleet.tasks.close();
      await store.close();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

/** Writes something about a machine at work that changes nobody's plan. */
async function changeMachine(fleet: Fleet, desired: DesiredPool | undefined): Promise<void> {
  const machine = fleet.state.machines(desired?.name).at(-1);
  if (machine?.state !== "leased") throw new Error(`Expected the last machine of ${desired?.name} to be leased`);
  const changed = { ...machine, isCordoned: !machine.isCordoned };
  await fleet.state.commit([{ kind: "machine-moved", machine: changed, from: "leased" }]);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
