import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { CLI } from "../../support/cli.ts";
import { runCustomJob, startInChild } from "../../support/customRunner.ts";
import type { CustomRunnerOptions } from "../../support/customRunner.ts";
import { startInProcess } from "../../support/customStages.ts";
import type { DaemonHome } from "../../support/localDaemon.ts";
import { makeDaemonHome } from "../../support/localDaemon.ts";
import { until } from "../../support/until.ts";

const homes: DaemonHome[] = [];
afterEach(async () => {
  for (const home of homes.splice(0)) await home[Symbol.asyncDispose]();
});

async function makeHome(): Promise<DaemonHome> {
  const home = await makeDaemonHome();
  homes.push(home);
  return home;
}

const optionsFor = (home: DaemonHome, changes: Partial<CustomRunnerOptions> = {}): CustomRunnerOptions => ({
  start: startInProcess(home.socketPath),
  env: {},
  buildsDir: join(home.folder, "builds"),
  retryPauseMs: 50,
  ...changes,
});

describe("a runner's job through the custom executor", () => {
  it("runs its stages on one machine, byte for byte, and gives it back", async () => {
    const home = await makeHome();
    const { client } = await home.startReady();

    const result = await runCustomJob(
      {
        id: 11,
        variables: { GREETING: "it's $HOME \\ here" },
        stages: { get_sources: ["echo cloned > file"], upload_artifacts_on_success: ["cat file"] },
        script: ['echo "$GREETING" >&2', "printf 'no newline\\0'", "echo made >> file"],
        afterScript: ["cat file"],
      },
      optionsFor(home),
    );

    expect(result).toMatchObject({ state: "success" });
    expect(result.calls).toEqual([
      "config: 0",
      "prepare: 0",
      "run prepare_script: 0",
      "run get_sources: 0",
      "run build_script: 0",
      "run after_script: 0",
      "run upload_artifacts_on_success: 0",
      "cleanup: 0",
    ]);
    expect(result.stdout).toContain("it's $HOME \\ here\n");
    expect(result.stdout).toContain("no newline\0");
    expect(result.stdout.match(/cloned\nmade\n/g)).toHaveLength(2);
    await until("nothing is held", 10_000, async () => (await client.jobs(false)).length === 0);
    expect(await client.jobs(true)).toMatchObject([{ state: "ended", end: { result: "success" }, name: "job-11" }]);
    expect((await client.leases(true)).length).toBe(1);
  });

  it("fails by its script's own exit code, and still runs what comes after", async () => {
    const home = await makeHome();
    const { client } = await home.startReady();

    const result = await runCustomJob(
      { id: 12, script: ["echo before", "exit 42", "echo never"], afterScript: ["echo after"] },
      optionsFor(home),
    );

    expect(result).toMatchObject({ state: "failed", reason: "script_failure", exitCode: 42 });
    expect(result.stdout).toContain("after\n");
    expect(result.stdout).not.toContain("never\n");
    await until("nothing is held", 10_000, async () => (await client.jobs(false)).length === 0);
    expect(await client.jobs(true)).toMatchObject([{ end: { result: "failed", exitCode: 42 } }]);
  });

  it("is stopped on its machine when the runner sends SIGTERM to its process, in time", async () => {
    const home = await makeHome();
    const { client } = await home.startReady();
    const cancel = new AbortController();

    const result = await runCustomJob(
      { id: 13, script: ["trap 'echo stopping; exit 0' TERM; echo ready; while :; do sleep 0.1; done"] },
      optionsFor(home, {
        start: startInChild({ config: ["--socket", home.socketPath], prepare: ["--runner-helper", "none"] }),
        gracefulKillMs: 25_000,
        onOutput: (log) => {
          if (log.includes("\nready\n")) cancel.abort();
        },
      }),
      { gracefully: cancel.signal },
    );

    expect(result).toMatchObject({ state: "failed", reason: "job_canceled" });
    expect(result.calls).toContain("run build_script: 1");
    expect(result.stdout).toContain("stopping\n");
    await until("nothing is held", 10_000, async () => (await client.jobs(false)).length === 0);
  });

  it("ends with its machine at once when the runner is killed and its stage lives on", async () => {
    const home = await makeHome();
    const { client } = await home.startReady();
    const env = { CUSTOM_ENV_CI_JOB_ID: "14", MAYFLY_SOCKET: home.socketPath };
    const script = join(home.folder, "endless");
    await writeFile(script, "echo ready; while :; do sleep 0.1; done");
    const prepare = startInProcess(home.socketPath, { ttl: "10m" });
    const silent = { onStdout: () => undefined, onStderr: () => undefined };
    expect(await prepare({ verb: "prepare", args: [], env, cwd: home.folder, ...silent }).exited).toEqual({
      exitCode: 0,
    });

    const words = ["custom-executor", "run", script, "build_script"];
    const runner = spawn("bash", ["-c", '"$@" & wait', "runner", process.execPath, CLI, ...words], {
      env: { PATH: process.env["PATH"], ...env },
    });
    await new Promise<void>((resolve) => {
      runner.stdout.on("data", (bytes: Buffer) => {
        if (bytes.toString().includes("ready")) resolve();
      });
    });
    runner.kill("SIGKILL");

    await until("nothing is held", 25_000, async () => (await client.jobs(false)).length === 0);
  });
});
