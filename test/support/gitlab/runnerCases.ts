import { afterAll, afterEach, beforeAll, describe, expect } from "vitest";
import { until } from "../until.ts";
import type { CoordinatedJob, JobOrder } from "./job.ts";
import { findRunner } from "./runner.ts";
import type { RunnerProcess } from "./runner.ts";
import { linesOf, startRunnerHost } from "./runnerHost.ts";
import type { RunnerHost } from "./runnerHost.ts";

// What a job on a runner meets, whatever its executor is.

/** Long enough for a guest image with the stand-ins under software emulation on a busy host. */
const BUILD_DEADLINE_MS = 30 * 60_000;
const MINUTE_MS = 60_000;
const BOOT_ID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
/** A runner hears of a cancellation when it sends what a job says, else every half minute. */
const TICKING = ["echo begun", "while :; do sleep 1; echo tick; done"];
export const AFTERWARDS = ["echo afterwards"];
export const FAILED_BY_42 = { state: "failed", exitCode: 42, failureReason: "script_failure" };

/**
 * Describes what a real gitlab-runner does on real machines, through one executor. It brings itself: where there is none on the PATH,
 * this is skipped by name. After each test its runners have been ended, and hold nothing.
 */
export function describeRunner(executor: string, define: (host: () => RunnerHost) => void): void {
  const program = findRunner();
  const imagesDir = process.env["MAYFLY_TEST_IMAGES_DIR"];
  const isAbsent = program === undefined || imagesDir === undefined;
  describe.skipIf(isAbsent)(`a real gitlab-runner through ${executor} on real machines (one on the PATH)`, () => {
    const abort = new AbortController();
    let host: RunnerHost | undefined;
    beforeAll(async () => {
      host = await startRunnerHost(program ?? "", imagesDir ?? "", abort.signal);
    }, BUILD_DEADLINE_MS);
    afterEach(async () => {
      await host?.endRunners();
      await host?.nothingHeld();
    });
    afterAll(async () => {
      abort.abort();
      expect(await host?.stop()).toEqual([]);
    });
    define(() => {
      if (host === undefined) throw new Error("there is no host before the tests begin");
      return host;
    });
  });
}

/** What an executor's jobs need beside their scripts. */
type OrderBase = Partial<JobOrder>;

export const hasBegun = (job: CoordinatedJob): Promise<unknown> =>
  until("its script has begun", 5 * MINUTE_MS, async () => linesOf(`${job.trace}`).includes("begun"));

/** A script that GitLab cancels is stopped, and its after_script still runs. */
export async function expectGracefulCancel({ gitlab }: RunnerHost, base: OrderBase = {}): Promise<void> {
  const job = gitlab.add({ ...base, script: TICKING, afterScript: AFTERWARDS });
  await hasBegun(job);

  gitlab.cancel(job, "gracefully");
  const { trace, state } = await job.ended.promise;

  expect(state).toBe("canceled");
  expect(linesOf(trace)).toContain("afterwards");
}

/** A script whose time is over is stopped, and nothing runs after it. */
export async function expectTimeout({ gitlab, client }: RunnerHost, base: OrderBase = {}): Promise<void> {
  // Its time is for its script, not for a boot.
  await until("a machine is idle", 5 * MINUTE_MS, async () =>
    (await client.machines(false)).some(({ state }) => state === "idle"),
  );
  const job = gitlab.add({ ...base, script: TICKING, afterScript: AFTERWARDS, timeoutS: 90 });

  const { trace, ...end } = await job.ended.promise;

  expect(end, trace).toMatchObject({ state: "failed", failureReason: "job_execution_timeout" });
  expect(linesOf(trace)).toContain("begun");
  expect(linesOf(trace)).not.toContain("afterwards");
}

/** A runner that is killed had given two jobs a machine each, which their boots' ids tell apart. */
export async function killUnderTwoJobs(
  { gitlab }: RunnerHost,
  runner: RunnerProcess,
  base: OrderBase = {},
): Promise<void> {
  const jobs = [1, 2].map(() => gitlab.add({ ...base, script: ["cat /proc/sys/kernel/random/boot_id", ...TICKING] }));
  for (const job of jobs) await hasBegun(job);

  await runner.kill();

  const [first = "", second = ""] = jobs.map(({ trace }) => BOOT_ID.exec(`${trace}`)?.[0] ?? "");
  expect(first).toMatch(BOOT_ID);
  expect(second).toMatch(BOOT_ID);
  expect(first).not.toBe(second);
  for (const job of jobs) gitlab.cancel(job, "at-once");
}
