import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApiClient } from "../../src/api/client.ts";
import type { Manager } from "../../src/ports/manager.ts";
import { runCustomJob, startInChild } from "../support/customRunner.ts";
import type { CoordinatorResult, CustomRunnerOptions } from "../support/customRunner.ts";
import type { StageCall } from "../support/customRunnerCall.ts";
import type { CoordinatorJob } from "../support/customRunnerJob.ts";
import { startDaemonProcess } from "../support/daemon.ts";
import type { DaemonProcess } from "../support/daemon.ts";
import { DOCKER_IMAGE, ensureDockerImage } from "../support/dockerImage.ts";
import { makeRealState } from "../support/realState.ts";
import type { RealState } from "../support/realState.ts";
import { until } from "../support/until.ts";

// As test/unit/fleet/customExecutorKills.test.ts, on real machines: kill -9 of whoever takes part in a job, in each of its stages.

const imagesDir = process.env["MAYFLY_TEST_IMAGES_DIR"];
const BUILD_DEADLINE_MS = 30 * 60_000;
const MINUTE_MS = 60_000;
const BOOT_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/gm;

/** Says in which stage it is, on which boot of a machine, and stays there for a while. */
const stage = (name: string): readonly string[] => [
  `echo now in ${name}`,
  "cat /proc/sys/kernel/random/boot_id",
  "sleep 4",
  `echo still in ${name}`,
];
const SCRIPTS = ["get_sources", "build_script", "after_script"];
const JOB: Omit<CoordinatorJob, "id"> = {
  stages: { get_sources: stage("get_sources") },
  script: stage("build_script"),
  afterScript: stage("after_script"),
};
/** What shows in a job's log that a stage is in its midst; of a cleanup nothing does. */
const MIDST: Readonly<Record<string, string>> = {
  prepare: "asks pool small for a fresh machine",
  ...Object.fromEntries(SCRIPTS.map((name) => [name, `\nnow in ${name}\n`])),
};
const STAGES = ["prepare", ...SCRIPTS, "cleanup"];

describe.skipIf(imagesDir === undefined)(
  "kill -9 in each stage of a job on real machines (MAYFLY_TEST_IMAGES_DIR)",
  () => {
    let state: RealState;
    let config: string;
    let client: Manager;
    let daemon: DaemonProcess;

    beforeAll(async () => {
      await ensureDockerImage(imagesDir ?? "", new AbortController().signal);
      state = await makeRealState();
      config = await state.writeConfig(POOLS);
      client = createApiClient(join(state.stateDir, "mayfly.sock"));
      daemon = startDaemonProcess(config);
      await until("the daemon answers", MINUTE_MS, () => client.health().catch(() => undefined));
    }, BUILD_DEADLINE_MS);

    afterAll(async () => {
      await daemon?.stop("SIGTERM");
      const left = await state?.leftovers();
      await state?.remove();
      expect(left).toEqual([]);
    });

    const options = (ttl: string): CustomRunnerOptions => ({
      start: startInChild({ config: ["-c", config], prepare: ["--ttl", ttl, "--runner-helper", "none"] }),
      env: {},
      retryPauseMs: 100,
    });
    const nothingLeft = (): Promise<unknown> =>
      until("no machine is left", 3 * MINUTE_MS, async () => {
        const jobs = await client.jobs(false).catch(() => undefined);
        return jobs?.length === 0 && (await state.leftovers()).length === 0;
      });

    it("of the manager: the job ends well, with all that it says, all on one machine", async () => {
      const crashed: string[] = [];
      let crash = Promise.resolve();
      const crashIn = (name: string): void => {
        if (crashed.includes(name)) return;
        crashed.push(name);
        crash = crash.then(async () => {
          await daemon.stop("SIGKILL");
          daemon = startDaemonProcess(config);
        });
      };

      const result = await runCustomJob(
        { ...JOB, id: 1 },
        {
          // A busy host may take its while for the start of a manager.
          ...options("1m"),
          onOutput: (log) => {
            for (const [name, said] of Object.entries(MIDST)) if (log.includes(said)) crashIn(name);
          },
          onCall: (verb) => {
            if (verb === "cleanup") crashIn(verb);
          },
        },
      );
      await crash;

      expect(result.state, result.log).toBe("success");
      expect(crashed).toEqual(STAGES);
      for (const name of SCRIPTS) expect(result.stdout).toContain(`\nstill in ${name}\n`);
      const boots = result.stdout.match(BOOT_ID) ?? [];
      expect(boots).toHaveLength(SCRIPTS.length);
      expect(new Set(boots).size).toBe(1);
      await nothingLeft();
    });

    it("of the runner and what it runs: no machine is left", async () => {
      const results = await Promise.all(STAGES.map((name, index) => runUntilKilledIn(name, 100 + index)));

      for (const { calls, log } of results) expect(calls.at(-1), log).toBe("cleanup: null");
      await nothingLeft();
      const begun = (await client.jobs(true)).filter(({ name }) => name.startsWith("job-10"));
      expect(begun).toHaveLength(STAGES.length);
    });

    /** A runner that is gone calls nothing any more. */
    async function runUntilKilledIn(name: string, id: number): Promise<CoordinatorResult> {
      const alive = options("10s");
      let last: StageCall | undefined;
      let isGone = false;
      const kill = (): void => {
        isGone = true;
        last?.kill("SIGKILL");
      };
      return runCustomJob(
        { ...JOB, id },
        {
          ...alive,
          start: (invocation) =>
            isGone ? { exited: Promise.resolve({ exitCode: null }), kill: () => undefined } : alive.start(invocation),
          onCall(verb, _stage, call) {
            last = call;
            if (!isGone && verb === name && verb === "cleanup") kill();
          },
          onOutput(log) {
            const said = MIDST[name];
            if (!isGone && said !== undefined && log.includes(said)) kill();
          },
        },
      );
    }
  },
);

const POOLS = `
[[pool]]
name = "small"
max_machines = 2
idle_count = 0
idle_time = "1s"
boot_timeout = "10m"
[pool.qemu]
restore = true
image = "${DOCKER_IMAGE}"
cpus = 1
memory = "2GiB"
disk = "10GiB"
`;
