import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createSeededRandom } from "../../../src/simulation/random.ts";
import { createSimulatedDriver } from "../../../src/simulation/driver.ts";
import { createSimulatedGuest } from "../../../src/simulation/guest.ts";
import { createSimulatedProvider } from "../../../src/simulation/provider.ts";
import { createVirtualClock } from "../../../src/simulation/clock.ts";
import { adoptFleet } from "../../../src/pool/adopt.ts";
import { createFleet } from "../../../src/pool/fleet.ts";
import { createLeases } from "../../../src/pool/leases/leases.ts";
import { startLoop } from "../../../src/pool/loop.ts";
import { openStore } from "../../../src/store/open.ts";
import { runCli } from "../../support/cli.ts";
import { silentLogger as logger } from "../../support/jobs.ts";
import { pool } from "../../support/pools.ts";
import { until } from "../../support/until.ts";

const BOOT_MS = 30_000;
const JOB_MS = 60_000;
const EVERY_MS = 600_000;
const JOBS = 5;

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "mayfly-history-"));
  await writeFile(
    join(dir, "mayfly.toml"),
    `state_dir = "${dir}"\n[[pool]]\nname = "small"\nmax_machines = 4\nidle_count = 0\n`,
  );
  await serveJobs();
});
afterAll(async () => rm(dir, { recursive: true, force: true }));

/** Has a manager without idle machines serve jobs, one every ten minutes, and leaves its store behind. */
async function serveJobs(): Promise<void> {
  const clock = createVirtualClock(Date.UTC(2026, 0, 1));
  const random = createSeededRandom(1);
  const store = await openStore(dir, { clock, logger });
  const provider = createSimulatedProvider({ clock, random });
  const fleet = createFleet({
    ...{ store, clock, random, logger, guest: createSimulatedGuest({ clock, provider }, { bootMs: BOOT_MS }) },
    drivers: new Map([["simulated" as const, createSimulatedDriver(provider, "ci-1")]]),
    desired: () => ({ pools: [pool({ idleCount: 0 })], maxMachines: 10 }),
  });
  const leases = createLeases(fleet);
  await adoptFleet(fleet);
  const loop = startLoop(fleet);
  const settled = (isSo: () => boolean): Promise<unknown> =>
    until("the loop has gone on", 10_000, async () => {
      await clock.advance(0);
      return isSo();
    });
  for (let job = 0; job < JOBS; job += 1) {
    const { id } = await leases.request({ poolName: "small", holder: "test", ttlMs: 3_600_000 });
    await settled(() => fleet.state.machines().some(({ state }) => state === "booting"));
    await clock.advance(BOOT_MS);
    await settled(() => fleet.state.lease(id)?.state === "held");
    await clock.advance(JOB_MS);
    await leases.release(id, "released", "its job is over");
    await settled(() => fleet.state.machineCount() === 0);
    await clock.advance(EVERY_MS - BOOT_MS - JOB_MS);
  }
  await loop.handOver();
  await store.close();
}

it("replays what a manager has served, with the boots that it measured, though no machine is left", async () => {
  const { stdout, stderr, exitCode } = await runCli(
    ["plan", "--history", "--policy", "static:0", "--policy", "static:1", "--json"],
    { cwd: dir, env: {} },
  );

  expect([exitCode, stderr.includes("problem")]).toEqual([0, false]);
  const { trace, boot, policies } = JSON.parse(stdout);
  expect(trace).toMatchObject({ source: `the history in ${dir}, pool small`, jobs: JOBS, dropped: 0 });
  expect(trace.from).toBe(Date.UTC(2026, 0, 1));
  expect(boot.drawnFromMs).toHaveLength(JOBS);
  expect(boot.drawnFromMs.every((ms: number) => ms === BOOT_MS)).toBe(true);
  expect(policies[0]).toMatchObject({ p50Ms: BOOT_MS, maxMs: BOOT_MS, share: 0 });
  expect(policies[1]).toMatchObject({ p50Ms: 0, maxMs: 0, share: 1 });
  // The stretch ends with the last job's beginning.
  expect(policies[0].busyHours).toBeCloseTo(((JOBS - 1) * JOB_MS) / 3_600_000, 2);
});

it("says where there is no history of a pool", async () => {
  await writeFile(join(dir, "other.toml"), `state_dir = "${dir}"\n[[pool]]\nname = "other"\nmax_machines = 4\n`);

  const { stderr, exitCode } = await runCli(["plan", "--history", "-c", "other.toml"], { cwd: dir, env: {} });

  expect(exitCode).toBe(2);
  expect(stderr).toContain(`--history: Expected jobs of pool "other", the history in ${dir} has none`);
});
