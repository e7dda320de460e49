import { afterEach, beforeAll, afterAll, describe, expect, it } from "vitest";
import { runCustomJob } from "../../support/customRunner.ts";
import type { CustomRunnerOptions } from "../../support/customRunner.ts";
import { startInProcess } from "../../support/customStages.ts";
import { createCustomWorld } from "../../support/customWorld.ts";
import type { CustomWorld } from "../../support/customWorld.ts";
import { until } from "../../support/until.ts";

// What a runner does between a job's stages, as its source has it: which are tried again, which still follow, whose failure counts.

const EVERY_STAGE = {
  get_sources: ["echo fetched"],
  archive_cache: ["echo cached"],
  archive_cache_on_failure: ["echo cached the failure"],
  upload_artifacts_on_success: ["echo sent"],
  upload_artifacts_on_failure: ["echo sent the failure"],
  cleanup_file_variables: ["echo tidied"],
};
const AFTER_A_FAILURE = [
  "run archive_cache_on_failure: 0",
  "run upload_artifacts_on_failure: 0",
  "run cleanup_file_variables: 0",
  "cleanup: 0",
];
let nextId = 300;
let world: CustomWorld;

beforeAll(async () => {
  world = await createCustomWorld(1);
});
afterEach(() =>
  until("nothing is held", 20_000, async () => {
    const [jobs, machines] = await Promise.all([world.client.jobs(false), world.client.machines(false)]);
    return jobs.length === 0 && machines.length === 0;
  }),
);
afterAll(() => world[Symbol.asyncDispose]());

const optionsFor = (changes: Partial<CustomRunnerOptions> = {}, wait = "1m"): CustomRunnerOptions => ({
  start: startInProcess(world.socketPath, { ttl: "20s", wait }),
  env: {},
  buildsDir: world.buildsDir,
  retryPauseMs: 50,
  ...changes,
});

/** Aborts once a job has said something. */
function when(said: string): { readonly signal: AbortSignal; readonly onOutput: (log: string) => void } {
  const controller = new AbortController();
  const onOutput = (log: string): void => {
    if (log.includes(said)) controller.abort();
  };
  return { signal: controller.signal, onOutput };
}

/** Has another job hold the one machine that there is. */
async function holdMachine(): Promise<AsyncDisposable & { end(): Promise<void> }> {
  const { signal, onOutput } = when("holding\n");
  const over = new AbortController();
  const held = runCustomJob({ id: nextId++, script: ["echo holding", "sleep 60"] }, optionsFor({ onOutput }), {
    atOnce: over.signal,
  });
  const end = async (): Promise<void> => {
    over.abort();
    await held;
  };
  await until("the machine is held", 20_000, async () => signal.aborted);
  return { end, [Symbol.asyncDispose]: end };
}

const endOfLast = async (): Promise<unknown> => {
  await until("the job has ended", 20_000, async () => (await world.client.jobs(false)).length === 0);
  const jobs = (await world.client.jobs(true)).toSorted((a, b) => a.createdAt - b.createdAt);
  const last = jobs.at(-1);
  return last?.state === "ended" ? last.end : last;
};

describe("the preparation of a runner's job", () => {
  it("is tried three times where no machine is to be had, each time from its beginning", async () => {
    await using holding = await holdMachine();
    const id = nextId++;

    const result = await runCustomJob({ id, script: ["echo never"] }, optionsFor({}, "1s"));
    await holding.end();

    expect(result, result.log).toMatchObject({ state: "failed", reason: "runner_system_failure" });
    const attempt = ["config: 0", "prepare: 2", "cleanup: 0"];
    expect(result.calls).toEqual([...attempt, ...attempt, ...attempt]);
    expect((await world.client.jobs(true)).filter(({ name }) => name === `job-${id}`)).toHaveLength(3);
  });

  it("is not tried again where somebody cancels the job that it waits with", async () => {
    await using holding = await holdMachine();
    const id = nextId++;
    const waiting = when("Waiting for a machine");
    const cancelled = new Promise<void>((resolve) => waiting.signal.addEventListener("abort", () => resolve())).then(
      async () => {
        const mine = (await world.client.jobs(false)).find(({ name }) => name === `job-${id}`);
        if (mine !== undefined) await world.client.cancelJob(mine.id, false);
      },
    );

    const result = await runCustomJob({ id, script: ["echo never"] }, optionsFor({ onOutput: waiting.onOutput }));
    await holding.end();

    await cancelled;
    expect(result, result.log).toMatchObject({ state: "failed", reason: "script_failure" });
    expect(result.calls).toEqual(["config: 0", "prepare: 1", "cleanup: 0"]);
  });

  it("that the job's time ends is no failure of its build", async () => {
    await using holding = await holdMachine();

    const result = await runCustomJob({ id: nextId++, script: ["echo never"], timeoutMs: 1_500 }, optionsFor());
    await holding.end();

    expect(result, result.log).toMatchObject({ state: "failed", reason: "job_execution_timeout" });
    expect(result.calls).toEqual(["config: 0", "prepare: 2", "cleanup: 0"]);
  });
});

describe("the stages of a runner's job", () => {
  it("go on after its script has failed, but for what only a success has", async () => {
    const result = await runCustomJob(
      { id: nextId++, stages: EVERY_STAGE, script: ["exit 7"], afterScript: [`echo "it $CI_JOB_STATUS"`] },
      optionsFor(),
    );

    expect(result, result.log).toMatchObject({ state: "failed", reason: "script_failure", exitCode: 7 });
    expect(result.calls.slice(4)).toEqual(["run build_script: 1", "run after_script: 0", ...AFTER_A_FAILURE]);
    expect(result.stdout).toContain("it failed\n");
    expect(await endOfLast()).toMatchObject({ result: "failed", exitCode: 7 });
  });

  it("of its sources are tried as often as it asks for, with a clear worktree, and what succeeds at last is no failure", async () => {
    const flaky = ["echo try >> tries", "[ $(wc -l < tries) = 3 ] || exit 128"];
    const stages = { ...EVERY_STAGE, get_sources: flaky, clear_worktree: ["echo clearing"] };

    const result = await runCustomJob(
      { id: nextId++, variables: { GET_SOURCES_ATTEMPTS: "3" }, stages, script: ["cat tries"] },
      optionsFor(),
    );

    expect(result, result.log).toMatchObject({ state: "success" });
    expect(result.calls.slice(3, 8)).toEqual([
      "run get_sources: 1",
      "run clear_worktree: 0",
      "run get_sources: 1",
      "run get_sources: 0",
      "run build_script: 0",
    ]);
    expect(await endOfLast()).toMatchObject({ result: "success" });
  });

  it("without its sources have no script, and fail by the exit code of that stage", async () => {
    const stages = { ...EVERY_STAGE, get_sources: ["exit 128"] };

    const result = await runCustomJob(
      { id: nextId++, stages, script: ["echo never"], afterScript: ["echo never"] },
      optionsFor(),
    );

    expect(result, result.log).toMatchObject({ state: "failed", reason: "script_failure", exitCode: 128 });
    expect(result.calls.slice(3)).toEqual(["run get_sources: 1", ...AFTER_A_FAILURE]);
  });

  it.each([
    ["upload_artifacts_on_success", "failed", {}],
    ["archive_cache", "failed", {}],
    ["cleanup_file_variables", "success", {}],
    ["after_script", "success", {}],
    ["after_script", "failed", { AFTER_SCRIPT_IGNORE_ERRORS: "false" }],
  ] as const)(
    "whose %s alone fails end in %s, for the runner and for mayfly alike",
    async (stage, state, variables) => {
      const stages: Record<string, readonly string[]> = { ...EVERY_STAGE, [stage]: ["exit 5"] };

      const result = await runCustomJob(
        {
          id: nextId++,
          variables,
          stages,
          script: ["echo done"],
          afterScript: stages["after_script"] ?? ["echo after"],
        },
        optionsFor(),
      );

      const exitCode = state === "failed" ? 5 : 0;
      expect(result, result.log).toMatchObject(state === "failed" ? { state, exitCode } : { state });
      expect(await endOfLast()).toMatchObject({ result: state, exitCode });
    },
  );

  it("tell whose failure it was by the runner's own two codes", async () => {
    const codes = { buildFailure: 64, systemFailure: 65 };

    const result = await runCustomJob({ id: nextId++, script: ["exit 3"] }, optionsFor({ codes }));

    expect(result, result.log).toMatchObject({ state: "failed", reason: "script_failure", exitCode: 3 });
    expect(result.calls).toContain("run build_script: 64");
  });
});

describe("a runner's job that is ended from outside", () => {
  const job = {
    stages: EVERY_STAGE,
    script: ["echo begun", "sleep 30"],
    afterScript: [`echo "it was $CI_JOB_STATUS"`],
  };

  it("gracefully still runs what comes after its script", async () => {
    const { signal, onOutput } = when("begun\n");

    const result = await runCustomJob({ ...job, id: nextId++ }, optionsFor({ onOutput }), { gracefully: signal });

    expect(result, result.log).toMatchObject({ state: "failed", reason: "job_canceled" });
    expect(result.calls.slice(4)).toEqual(["run build_script: 1", "run after_script: 0", ...AFTER_A_FAILURE]);
    expect(result.stdout).toContain("it was canceled\n");
  });

  it.each(["at once", "by its time"] as const)("%s has nothing but its cleanup after that", async (how) => {
    const { signal, onOutput } = when("begun\n");
    const [ends, changes, reason] =
      how === "at once"
        ? [{ atOnce: signal }, {}, "job_canceled"]
        : [{}, { timeoutMs: 3_000 }, "job_execution_timeout"];

    const result = await runCustomJob({ ...job, ...changes, id: nextId++ }, optionsFor({ onOutput }), ends);

    expect(result, result.log).toMatchObject({ state: "failed", reason });
    expect(result.calls.slice(-2)).toEqual(["run build_script: 1", "cleanup: 0"]);
    expect(result.stdout).not.toContain("it was");
  });
});
