import { spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCustomJob } from "../support/customRunner.ts";
import type { Cancellation, CoordinatorResult } from "../support/customRunner.ts";
import type { StartStage } from "../support/customRunnerCall.ts";
import { startCoordinator } from "../support/gitlab/coordinator.ts";
import type { Coordinator } from "../support/gitlab/coordinator.ts";
import type { JobResult } from "../support/gitlab/job.ts";
import { makeRecordingExecutor } from "../support/gitlab/recordingExecutor.ts";
import type { RecordingExecutor, StageRule } from "../support/gitlab/recordingExecutor.ts";
import { findRunner, startRunner } from "../support/gitlab/runner.ts";
import type { RunnerProcess } from "../support/gitlab/runner.ts";
import { until } from "../support/until.ts";

// Many tests drive the custom executor by a stand-in for the runner. Here the stand-in is held against a real runner: both drive an
// executor that notes how it is called, and have to call it in the same way and come to the same end.

interface Case {
  readonly rules: Readonly<Record<string, StageRule>>;
  readonly variables?: Readonly<Record<string, string>>;
  readonly timeoutS?: number;
  /** Once a stage hangs. */
  readonly cancel?: "gracefully" | "at-once";
}

const CASES: readonly Case[] = [
  { rules: {} },
  { rules: { build_script: "fail 42" } },
  { rules: { build_script: "fail 42", after_script: "fail 3", upload_artifacts_on_success: "fail 4" } },
  { rules: { build_script: "exit 1" } },
  { rules: { build_script: "fail nonsense" } },
  { rules: { build_script: "exit 2" } },
  { rules: { build_script: "exit 7" } },
  { rules: { prepare: "exit 1" } },
  { rules: { prepare: "fail 5" } },
  { rules: { prepare: "exit 2" } },
  { rules: { prepare: "exit 7" } },
  { rules: { prepare_script: "fail 5" } },
  { rules: { get_sources: "fail 128" } },
  { rules: { get_sources: "exit 2" }, variables: { GET_SOURCES_ATTEMPTS: "3" } },
  { rules: { after_script: "fail 3" } },
  { rules: { after_script: "fail 3" }, variables: { AFTER_SCRIPT_IGNORE_ERRORS: "false" } },
  { rules: { upload_artifacts_on_success: "fail 4" } },
  { rules: { cleanup_file_variables: "fail 4" } },
  { rules: { cleanup: "exit 1" } },
  { rules: { build_script: "hang" }, cancel: "gracefully" },
  { rules: { build_script: "hang" }, cancel: "at-once" },
  { rules: { build_script: "hang" }, timeoutS: 5 },
  { rules: { get_sources: "hang" }, cancel: "gracefully" },
  { rules: { prepare: "hang" }, cancel: "at-once" },
  { rules: { prepare: "hang" }, timeoutS: 5 },
];
const SCRIPT = ["true"];
const HANGS = "hanging";
const MINUTE_MS = 60_000;

const program = findRunner() ?? "";

describe.skipIf(program === "")("the stand-in for a GitLab runner, beside a real one (one on the PATH)", () => {
  let executor: RecordingExecutor;
  let gitlab: Coordinator;
  let runner: RunnerProcess;
  let nextId = 1;

  beforeAll(async () => {
    executor = await makeRecordingExecutor();
    gitlab = await startCoordinator({ longPollMs: 500 });
    const { env } = executor;
    runner = await startRunner({
      program,
      coordinator: gitlab,
      executor: "custom",
      tables: tables(),
      concurrent: 1,
      env,
    });
  });
  afterAll(async () => {
    await runner?.[Symbol.asyncDispose]();
    await gitlab?.[Symbol.asyncDispose]();
    await executor?.[Symbol.asyncDispose]();
  });

  const tables = (): string =>
    `[runners.custom]\n${["config", "prepare", "run", "cleanup"]
      .map((verb) => `${verb}_exec = "${executor.program}"\n${verb}_args = ["${verb}"]\n`)
      .join("")}`;

  it.each(CASES.map((wanted) => [JSON.stringify(wanted), wanted] as const))(
    "calls it alike, to the same end: %s",
    { timeout: 3 * MINUTE_MS },
    async (_name, wanted) => {
      await executor.reset(wanted.rules);
      const real = await runReal(wanted);
      const byReal = await executor.calls();
      await executor.reset(wanted.rules);

      const mine = await runStandIn(wanted);

      expect(await executor.calls()).toEqual(byReal);
      // A job that GitLab has cancelled is just that to it, whatever its runner says.
      const { state, reason, exitCode } = mine;
      if (wanted.cancel === undefined) expect({ state, failureReason: reason, exitCode }).toEqual(endOf(real));
      else expect([state, real.state]).toEqual(["failed", "canceled"]);
    },
  );

  async function runReal({ cancel, timeoutS, variables }: Case): Promise<JobResult> {
    const job = gitlab.add({
      ...{ script: SCRIPT, afterScript: SCRIPT, artifacts: ["file"] },
      ...(timeoutS === undefined ? {} : { timeoutS }),
      ...(variables === undefined ? {} : { variables }),
    });
    if (cancel !== undefined) {
      await until("a stage hangs", MINUTE_MS, async () => job.trace.includes(HANGS));
      gitlab.cancel(job, cancel);
    }
    const end = await job.ended.promise;
    // Of a job that GitLab has given up, it is not told when the runner has.
    await until("it is cleaned up", MINUTE_MS, async () => (await executor.calls()).at(-1)?.startsWith("cleanup"));
    return end;
  }

  function runStandIn({ cancel, timeoutS, variables = {} }: Case): Promise<CoordinatorResult> {
    const hangs = new AbortController();
    const cancellation: Cancellation =
      cancel === undefined ? {} : { [cancel === "at-once" ? "atOnce" : "gracefully"]: hangs.signal };
    return runCustomJob(
      {
        ...{ id: nextId++, script: SCRIPT, afterScript: SCRIPT, variables },
        ...(timeoutS === undefined ? {} : { timeoutMs: timeoutS * 1_000 }),
        stages: {
          ...{ get_sources: SCRIPT, clear_worktree: SCRIPT, cleanup_file_variables: SCRIPT },
          upload_artifacts_on_success: SCRIPT,
        },
      },
      {
        ...{ start: startRecording(executor.program), env: executor.env },
        onOutput: (log) => {
          if (log.includes(HANGS)) hangs.abort();
        },
      },
      cancellation,
    );
  }
});

const endOf = ({ state, failureReason, exitCode }: JobResult) => ({
  state,
  failureReason,
  exitCode: exitCode || undefined,
});

const startRecording =
  (file: string): StartStage =>
  ({ verb, args, env, cwd, onStdout, onStderr }) => {
    const child = spawn(file, [verb, ...args], {
      ...{ cwd, env: { PATH: process.env["PATH"], ...env }, detached: true },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.on("data", onStdout);
    child.stderr.on("data", onStderr);
    return {
      exited: new Promise((resolve) => child.on("exit", (exitCode) => resolve({ exitCode }))),
      kill: (signal) => void (child.pid !== undefined && child.exitCode === null && process.kill(-child.pid, signal)),
    };
  };
