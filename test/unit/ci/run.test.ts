import { expect, it } from "vitest";
import { createLinePrinter } from "../../../src/ci/linePrinter.ts";
import type { PipelineJob } from "../../../src/ci/model.ts";
import type { JobReport } from "../../../src/ci/report.ts";
import { runPipeline } from "../../../src/ci/run.ts";
import { createVirtualClock } from "../../../src/simulation/clock.ts";
import { pipelineJob } from "../../support/pipelineJobs.ts";
import { createPipelineManager } from "../../support/pipelineManager.ts";
import type { Part } from "../../support/pipelineManager.ts";
import { jobSpec } from "../../support/jobs.ts";

const STAGES = [".pre", "build", "test", "deploy", ".post"];
const FAILED = { result: "failed", exitCode: 1, message: "the script exited with 1" } as const;
const LOST = { result: "machine-lost", message: "its machine was lost" } as const;

function setUp(jobs: readonly PipelineJob[], parts: Readonly<Record<string, Part>> = {}) {
  const manager = createPipelineManager(parts);
  const clock = createVirtualClock(0);
  const first = new AbortController();
  const second = new AbortController();
  const seen: JobReport[] = [];
  let log = "";
  const print = async (bytes: Uint8Array): Promise<void> => {
    log += Buffer.from(bytes).toString();
  };
  const run = (printer = print) =>
    runPipeline(
      { stages: STAGES, jobs },
      ({ name }) => jobSpec({ name }),
      {
        manager,
        clock,
        printerOf: ({ name }) => createLinePrinter(`[${name}] `, printer),
        onReport: (report) => seen.push(report),
      },
      { first: first.signal, second: second.signal },
    );
  return { manager, clock, first, second, seen, run, log: () => log };
}

const resultsOf = (reports: readonly JobReport[]) => reports.map(({ name, result }) => `${name}: ${result}`);

it("submits all jobs of a stage at once, runs the stages in turn and reports in the order of the file", async () => {
  const jobs = [
    pipelineJob("deploy", { stage: "deploy" }),
    pipelineJob("one", { stage: "build" }),
    pipelineJob("two", { stage: "build" }),
  ];
  const { run, manager } = setUp(jobs);

  const report = await run();

  expect(manager.submitted.map(({ name }) => name)).toEqual(["one", "two", "deploy"]);
  expect(report.result).toBe("success");
  expect(resultsOf(report.jobs)).toEqual(["deploy: success", "one: success", "two: success"]);
  expect(report.jobs[1]).toMatchObject({ machineId: "machine-1", poolName: "small", exitCode: 0 });
});

it("prints each line of a log under its job's name, resuming a log that breaks off", async () => {
  const { run, log } = setUp([pipelineJob("a")], { a: { log: "one\ntwo\n", breaks: 3 } });

  const report = await run();

  expect(log()).toBe("[a] one\n[a] two\n");
  expect(report.result).toBe("success");
});

it.each([
  ["failed", FAILED, "failed"],
  ["timeout", { result: "timeout", message: "too long" }, "failed"],
  ["machine-lost", LOST, "system-failure"],
  ["system-failure", { result: "system-failure", message: "no room" }, "system-failure"],
] as const)("ends with a job's %s, after which later stages do not run", async (_, end, result) => {
  const jobs = [pipelineJob("a"), pipelineJob("b", { stage: "deploy" })];
  const { run, manager } = setUp(jobs, { a: { end } });

  const report = await run();

  expect(report.result).toBe(result);
  expect(resultsOf(report.jobs)).toEqual([`a: ${end.result}`, "b: skipped"]);
  expect(manager.submitted).toHaveLength(1);
});

it("counts a failed job for more than a lost machine", async () => {
  const { run } = setUp([pipelineJob("a"), pipelineJob("b")], { a: { end: LOST }, b: { end: FAILED } });

  expect((await run()).result).toBe("failed");
});

it.each([
  ["all failures", true, "success", true],
  ["its exit code", { exitCodes: [1, 2] }, "success", true],
  ["another exit code", { exitCodes: [3] }, "failed", false],
] as const)("goes on after a failure where %s is allowed", async (_, allowFailure, result, isAllowed) => {
  const jobs = [pipelineJob("a", { allowFailure }), pipelineJob("b", { stage: "deploy" })];
  const { run } = setUp(jobs, { a: { end: FAILED } });

  const report = await run();

  expect(report.result).toBe(result);
  expect(report.jobs[0]).toMatchObject({ result: "failed", exitCode: 1, allowFailure: isAllowed });
  expect(report.jobs[1]?.result).toBe(isAllowed ? "success" : "skipped");
});

it("cancels all jobs at the first interrupt, waits for them and starts no more", async () => {
  const jobs = [pipelineJob("a"), pipelineJob("b"), pipelineJob("c", { stage: "deploy", when: "always" })];
  const { run, manager, first } = setUp(jobs, { a: { runsUntil: "soft", log: "begun\n" }, b: { runsUntil: "soft" } });

  const running = run(async () => first.abort());
  const report = await running;

  expect(manager.cancelled.toSorted()).toEqual(["a", "b"]);
  expect(report.result).toBe("cancelled");
  expect(resultsOf(report.jobs)).toEqual(["a: cancelled", "b: cancelled", "c: skipped"]);
});

it("ends jobs by force at the second interrupt", async () => {
  const { run, manager, first, second } = setUp([pipelineJob("a")], { a: { runsUntil: "forced", log: "begun\n" } });

  const report = await run(async () => {
    first.abort();
    second.abort();
  });

  expect(manager.cancelled).toEqual(["a", "a by force"]);
  expect(report.result).toBe("cancelled");
});

it("cancels a job that is accepted after the interrupt", async () => {
  const { run, manager, first } = setUp([pipelineJob("a")], { a: { runsUntil: "soft" } });

  const running = run();
  first.abort();
  await running;

  expect(manager.cancelled).toEqual(["a"]);
});

it("ends all other jobs when the manager refuses one, and says why", async () => {
  const jobs = [pipelineJob("a"), pipelineJob("b")];
  const { run, manager } = setUp(jobs, { a: { runsUntil: "soft" }, b: { isRefused: true } });

  await expect(run()).rejects.toThrowError("b: refused");

  expect(manager.cancelled).toEqual(["a"]);
});

it("ends all jobs when its output breaks", async () => {
  const jobs = [pipelineJob("a"), pipelineJob("b")];
  const { run, manager } = setUp(jobs, { a: { runsUntil: "soft", log: "x\n" }, b: { runsUntil: "soft" } });

  await expect(run(() => Promise.reject(new Error("EPIPE")))).rejects.toThrowError("EPIPE");

  expect(new Set(manager.cancelled)).toEqual(new Set(["a", "b"]));
});

it("reports a job that it can no longer follow as a failure of the system, and ends it", async () => {
  const { run, manager } = setUp([pipelineJob("a")], { a: { runsUntil: "soft", breaks: 1000 } });

  const report = await run();

  expect(report.result).toBe("system-failure");
  expect(report.jobs[0]?.message).toBe("the connection was cut");
  expect(manager.cancelled).toEqual(["a"]);
});

it("tells of each job as it ends", async () => {
  const jobs = [pipelineJob("a"), pipelineJob("b", { heldBack: { why: "manual", isBlocking: false } })];
  const { run, seen } = setUp(jobs);

  await run();

  expect(resultsOf(seen)).toEqual(["b: skipped", "a: success"]);
});
