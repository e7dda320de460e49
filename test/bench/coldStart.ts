import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock as clock } from "../../src/daemon/clock.ts";
import { systemRandom as random } from "../../src/daemon/random.ts";
import { createEc2Driver } from "../../src/drivers/ec2/driver.ts";
import type { Manager } from "../../src/ports/manager.ts";
import type { Progress } from "../../src/ports/progress.ts";
import { openStore } from "../../src/store/open.ts";
import { Cloud } from "../support/ec2/cloud.ts";
import { startEndpoint } from "../support/ec2/endpoint.ts";
import { shapeAt, useTestCredentials } from "../support/ec2/lab.ts";
import { startCloudManager } from "../support/ec2/manager.ts";
import type { CloudWorld } from "../support/ec2/manager.ts";
import { hold } from "../support/ec2/serve.ts";
import { silentLogger } from "../support/jobs.ts";
import { pool } from "../support/pools.ts";
import { comparisonFrom, withDifference } from "./turns.ts";
import type { Comparison } from "./turns.ts";

/** What the manager may add of its own to a cold start, in milliseconds. */
const GOAL_MS = 300;
/** How long the endpoint takes over an answer: some of EC2's calls take less, some more. */
const ANSWER_MS = 200;
/** The launch, and the look that tells its address; the machine itself is ready at once, which hides nothing. */
const DELAYS_MS = 2 * ANSWER_MS;
/** Between rounds, so that no look at another machine's address delays this one's. */
const REST_MS = 2_500;

/**
 * Compares what an EC2 endpoint takes with what a job waits for a cold machine through a whole manager: the real loop, store and
 * SDK, over HTTP on loopback and the clock on the wall.
 */
export async function compareColdStart(rounds: number, progress: Progress, signal: AbortSignal): Promise<Comparison> {
  const step = progress.step("Measuring the manager's part of a cold start");
  await using cold = await startColdManager();
  const pairs: [number, number][] = [];
  // The first round makes the launch template, and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    step.update(`round ${round} of ${rounds}`, round / (rounds + 1));
    const tookMs = await startCold(cold.manager);
    if (round > 0) pairs.push([DELAYS_MS, tookMs]);
    await clock.sleep(REST_MS, signal);
  }
  step.done(`${rounds} rounds`);
  const names = ["the endpoint's delays alone", "acquire to a ready machine"] as const;
  const comparison = withDifference(comparisonFrom("a cold start on EC2", "ms", names, pairs), pairs);
  return { ...comparison, goal: { of: "difference", atMost: GOAL_MS } };
}

async function startCold(manager: Manager): Promise<number> {
  const askedAt = performance.now();
  const { release } = await hold(manager, "cloud");
  const tookMs = performance.now() - askedAt;
  await release();
  return tookMs;
}

async function startColdManager(): Promise<{ readonly manager: Manager } & AsyncDisposable> {
  useTestCredentials();
  const stateDir = await mkdtemp(join(tmpdir(), "mayfly-bench-"));
  const cloud = new Cloud(Date.now);
  const endpoint = await startEndpoint(cloud, ANSWER_MS);
  const world: CloudWorld = {
    ...{ cloud, clock },
    createDriver: (owner, sites) => createEc2Driver({ owner, sites }, { clock, random, logger: silentLogger }),
    until: (work) => work,
  };
  const store = await openStore(stateDir, { clock, logger: silentLogger, writer: "bench" });
  const pools = [pool({ name: "cloud", shape: shapeAt(endpoint.url), idleCount: 0 })];
  const { running } = await startCloudManager(world, pools, { bootMs: 0, store });
  return {
    manager: running.manager,
    async [Symbol.asyncDispose]() {
      await running.close(AbortSignal.abort());
      await endpoint.close();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}
