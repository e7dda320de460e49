import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { systemRandom as random } from "../../../../src/daemon/random.ts";
import type { JobId } from "../../../../src/domain/ids.ts";
import { createEc2Driver } from "../../../../src/drivers/ec2/driver.ts";
import type { Manager } from "../../../../src/ports/manager.ts";
import { Cloud } from "../../../support/ec2/cloud.ts";
import type { CloudInstance } from "../../../support/ec2/cloud.ts";
import { startEndpoint } from "../../../support/ec2/endpoint.ts";
import type { Endpoint } from "../../../support/ec2/endpoint.ts";
import { createHurriedClock, shapeAt, useTestCredentials } from "../../../support/ec2/lab.ts";
import { startCloudManager } from "../../../support/ec2/manager.ts";
import type { CloudManager } from "../../../support/ec2/manager.ts";
import { jobSpec, silentLogger } from "../../../support/jobs.ts";
import { pool } from "../../../support/pools.ts";

// Jobs at work on spot machines when the market takes those back: real processes of this host, the whole manager, the SDK over HTTP.

/** The two minutes of a notice take eight seconds here. */
const clock = createHurriedClock(15);
const NOTICE_MS = 120_000;
const never = new AbortController().signal;

let folder: string;
let account: Cloud;
let endpoint: Endpoint;
let cloud: CloudManager;
let manager: Manager;

beforeEach(async () => {
  useTestCredentials();
  folder = await mkdtemp(join(tmpdir(), "mayfly-spot-"));
  account = new Cloud(() => clock.now());
  endpoint = await startEndpoint(account);
  const world = {
    ...{ cloud: account, clock },
    createDriver: (owner: string, sites: Parameters<typeof createEc2Driver>[0]["sites"]) =>
      createEc2Driver({ owner, sites }, { clock, random, logger: silentLogger }),
    until: <T>(work: Promise<T>) => work,
  };
  cloud = await startCloudManager(world, [pool({ name: "cloud", shape: shapeAt(endpoint.url), idleCount: 0 })], {
    bootMs: 1_000,
    jobsIn: folder,
  });
  manager = cloud.running.manager;
});
afterEach(async () => {
  await cloud.running.close(AbortSignal.abort());
  await endpoint.close();
  await rm(folder, { recursive: true, force: true });
});

async function logOf(id: JobId): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of manager.jobLog(id, 0, false, never)) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** Starts a job that would go on for long, and waits until its script is at work. */
async function startJob(name: string): Promise<JobId> {
  const spec = jobSpec({
    name,
    poolName: "cloud",
    echoCommands: true,
    script: [`echo "${name} at work"; sleep 600; echo "${name} done"`],
  });
  const { id } = await manager.submitJob(spec);
  await expect.poll(() => logOf(id), { timeout: 20_000 }).toContain(`\n${name} at work\n`);
  return id;
}

/** Gives the notice, and takes the instance when its two minutes are over. */
function takeBack(instance: CloudInstance): number {
  account.announce(instance.id);
  clock.schedule(NOTICE_MS, () => account.interrupt(instance.id));
  return clock.now() + NOTICE_MS;
}

it("ends a job as lost and safe to retry while its machine still stands, and leaves a market that does it twice", async () => {
  const ids = [await startJob("first"), await startJob("second")];
  const [first, second] = account.live();
  if (first === undefined || second === undefined) throw new Error("two machines are at work");
  const takenAt = [takeBack(first), takeBack(second)];

  const ended = await Promise.all(ids.map((id) => manager.awaitJob(id, 2 * NOTICE_MS, never)));
  const third = await startJob("third");

  expect([first, second].map(({ market }) => market)).toEqual(["spot", "spot"]);
  for (const [index, job] of ended.entries()) {
    expect(job).toMatchObject({
      state: "ended",
      end: {
        result: "machine-lost",
        message: expect.stringMatching(/EC2 takes the spot instance back; safe to retry$/),
      },
    });
    // In time to say so, and no sooner than it must: the job had most of its two minutes.
    const endedAt = job.state === "ended" ? job.endedAt : Infinity;
    expect(endedAt).toBeLessThan((takenAt[index] ?? 0) - 5_000);
    expect(endedAt).toBeGreaterThan((takenAt[index] ?? 0) - 60_000);
    await expect.poll(() => logOf(job.id)).toMatch(/ERROR: Job failed \(system failure\): .*; safe to retry/);
    expect(await logOf(job.id)).not.toContain(`\n${job.name} done\n`);
  }
  expect(account.live().at(-1)?.market).toBe("on-demand");
  expect((await manager.job(third)).state).toBe("running");
}, 60_000);
