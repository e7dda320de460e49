import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GitlabConfig } from "../../../src/config/gitlab.ts";
import type { Store } from "../../../src/ports/store.ts";
import { composeForTest, simulatedConfig } from "../composed.ts";
import type { ComposedManager } from "../composed.ts";
import { pool } from "../pools.ts";
import { BUILD_MS, MINUTE_MS, TEST_MS, TESTS } from "./twoStages.ts";
import type { TwoStages } from "./twoStages.ts";

const BOOT_MS = 60_000;
const aimed = pool({
  ...{ maxMachines: 20, idleCount: 0, idleTimeMs: 5 * MINUTE_MS, maxGrowthRate: 20 },
  target: { waitMs: 1_000, share: 0.95 },
});
const signal = new AbortController().signal;

/** A daemon in an invented world, whose machines boot in a minute, that hears of a GitLab. */
export interface Site extends AsyncDisposable, ComposedManager {
  /** Holds the files `token` and `api-token`. */
  readonly folder: string;
  /** Idle machines that its pool `small` wishes for. */
  level(): Promise<number>;
}

/** The secret that webhooks carry. */
export const HOOK_TOKEN = "a-secret-token-of-webhooks";
export const API_TOKEN = "glpat-secret-of-the-api";

/** @param gitlab what is heard of GitLab by, from the folder of the tokens. */
export async function startSite(
  gitlab: (folder: string) => Omit<GitlabConfig, "runners">,
  store?: Store,
): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-gitlab-site-"));
  await writeFile(join(folder, "token"), `${HOOK_TOKEN}\n`, { mode: 0o600 });
  await writeFile(join(folder, "api-token"), `${API_TOKEN}\n`, { mode: 0o600 });
  const runners = [{ poolName: "small", tags: ["mayfly"], runsUntagged: false }];
  const config = simulatedConfig({ pools: [aimed], gitlab: { ...gitlab(folder), runners } });
  const composed = await composeForTest(config, store && { store }, undefined, BOOT_MS);
  return {
    ...{ ...composed, folder },
    async level() {
      return (await composed.running.manager.pool("small")).wish?.idleCount ?? Number.NaN;
    },
    async [Symbol.asyncDispose]() {
      await composed.running.handOver();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Has leases of jobs come that end a while after they are served. Answers how long each waited, in milliseconds. */
function runJobs({ running, clock }: Site, count: number, tookMs: number): readonly Promise<number>[] {
  const { manager } = running;
  return Array.from({ length: count }, async () => {
    const askedAt = clock.now();
    const { lease } = await manager.acquireLease({ poolName: "small", holder: "test", ttlMs: 60 * MINUTE_MS });
    while ((await manager.awaitLease(lease.id, 0, undefined, signal)).lease.state !== "held") await clock.sleep(500);
    const waitedMs = clock.now() - askedAt;
    clock.schedule(tookMs, () => void manager.releaseLease(lease.id));
    return waitedMs;
  });
}

/** What a pipeline's run was like. */
export interface PipelineRun {
  /** How long each job of the second stage waited, in milliseconds. */
  readonly testWaitsMs: readonly number[];
  /** Idle machines wished for right before they came, and an hour after all was over. */
  readonly levelBefore: number;
  readonly levelAfter: number;
  /** Machines launched from its begin until its jobs were over. */
  readonly launched: number;
}

/**
 * Has a pipeline of two stages run, over four hours.
 * @param tell is called whenever something of it has changed.
 * @param advance lets a time pass.
 */
export async function runPipeline(
  site: Site,
  pipeline: TwoStages,
  tell: (pipeline: TwoStages) => Promise<void>,
  advance: (ms: number) => Promise<void> = (ms) => site.clock.advance(ms),
): Promise<PipelineRun> {
  const { clock } = site;
  const tellThat = async (build: string, test: string): Promise<void> => {
    await tell(pipeline.become(build, test, clock.now()));
  };
  const countLaunched = async (): Promise<number> => (await site.running.manager.machines(true)).length;
  const before = await countLaunched();
  await tellThat("pending", "created");
  const [build] = runJobs(site, 1, BUILD_MS);
  await advance(1_000);
  await tellThat("running", "created");
  await advance(BUILD_MS);
  await build;
  const levelBefore = await site.level();
  await tellThat("success", "pending");
  const tests = runJobs(site, TESTS, TEST_MS);
  await tellThat("success", "running");
  await advance(10 * MINUTE_MS);
  await tellThat("success", "success");
  const launched = (await countLaunched()) - before;
  await advance(60 * MINUTE_MS);
  const levelAfter = await site.level();
  await advance(164 * MINUTE_MS);
  return { testWaitsMs: await Promise.all(tests), levelBefore, levelAfter, launched };
}
