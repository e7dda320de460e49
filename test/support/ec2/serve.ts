import type { DesiredPool } from "../../../src/domain/pool.ts";
import type { LeaseView, Manager } from "../../../src/ports/manager.ts";
import { pool } from "../pools.ts";
import { createVirtualEc2, ENDPOINT } from "./inProcess.ts";
import { shapeAt } from "./lab.ts";
import { startCloudManager } from "./manager.ts";

/** What jobs came to, and what they cost of the account's API while they came and went. */
export interface Served {
  /** From each job's asking to its having a machine, in milliseconds of the pretended clock. */
  readonly waitsMs: readonly number[];
  readonly calls: number;
}

export interface Traffic {
  readonly jobs: number;
  /** From one job to the next, in milliseconds. */
  readonly everyMs: number;
  /** Idle machines that are kept ready. */
  readonly idleCount: number;
}

/** How long each job has its machine, and how long machines take to run and then to be ready, in milliseconds. */
const JOB_MS = 30_000;
const RUN_MS = 8_000;
const BOOT_MS = 12_000;
const WARM_UP_MS = 90_000;
const PATIENCE_MS = 600_000;
/** What a cold machine takes with nothing of the manager's own in it. */
export const COLD_MS = RUN_MS + BOOT_MS;

const never = new AbortController().signal;

/** Serves jobs at a steady rate through a whole manager in a throttled account, with its idle machines ready at the start. */
export async function serveJobs({ jobs, everyMs, idleCount }: Traffic): Promise<Served> {
  const lab = createVirtualEc2();
  const { cloud, clock } = lab;
  Object.assign(cloud.settings, { throttles: true, runDelayMs: RUN_MS });
  const limits: Partial<DesiredPool> = { maxMachines: 500, maxGrowthRate: 500, idleCount };
  const cloudPool = pool({ name: "cloud", shape: shapeAt(ENDPOINT), ...limits });
  const { running } = await startCloudManager(lab, [cloudPool], { maxMachines: 500, bootMs: BOOT_MS });
  await lab.until(clock.sleep(WARM_UP_MS));
  const callsBefore = cloud.calls.length;

  const serve = async (number: number): Promise<number> => {
    await clock.sleep(number * everyMs);
    const askedAt = clock.now();
    const { release } = await hold(running.manager, "cloud");
    const waitMs = clock.now() - askedAt;
    await clock.sleep(JOB_MS);
    await release();
    return waitMs;
  };
  const waitsMs = await lab.until(Promise.all(Array.from({ length: jobs }, (_, number) => serve(number))));
  const calls = cloud.calls.length - callsBefore;
  await lab.until(running.handOver());
  return { waitsMs, calls };
}

/** Takes a machine of a pool as a job does: asks, and waits for it with its call open. */
export async function hold(manager: Manager, poolName: string) {
  let view: LeaseView = await manager.acquireLease({ poolName, holder: "a job", ttlMs: PATIENCE_MS });
  const { id } = view.lease;
  while (view.lease.state === "waiting") view = await manager.awaitLease(id, PATIENCE_MS, view.why, never);
  if (view.lease.state !== "held") throw new Error(`the lease ended: ${view.lease.outcome}`);
  return { machineId: view.lease.machineId, release: () => manager.releaseLease(id) };
}
