import fc from "fast-check";
import { expect, it } from "vitest";
import type { PipelineJob } from "../../../src/ci/model.ts";
import { decideJobs } from "../../../src/ci/pipeline.ts";
import type { JobProgress } from "../../../src/ci/pipeline.ts";
import { pipelineJob } from "../../support/pipelineJobs.ts";

const STAGES = [".pre", "build", "test", "deploy", ".post"];
const MANUAL = { why: "manual", isBlocking: false };

function decide(jobs: readonly PipelineJob[], progress: Readonly<Record<string, JobProgress>> = {}) {
  const all = new Map(jobs.map(({ name }) => [name, progress[name] ?? "pending"] as const));
  const { start, skip } = decideJobs(jobs, STAGES, all);
  return { start: start.map(({ name }) => name), skip: skip.map(({ job }) => job.name) };
}

const build = pipelineJob("build", { stage: "build" });
const lint = pipelineJob("lint", { stage: "build" });
const test = pipelineJob("test");
const deploy = pipelineJob("deploy", { stage: "deploy" });

it("starts all jobs of the first stage at once, and those of the next when all have passed", () => {
  const jobs = [build, lint, test, deploy];

  expect(decide(jobs).start).toEqual(["build", "lint"]);
  expect(decide(jobs, { build: "passed", lint: "running" })).toEqual({ start: [], skip: [] });
  expect(decide(jobs, { build: "passed", lint: "passed" }).start).toEqual(["test"]);
});

it("skips all later stages when a job has failed, once its stage is over", () => {
  const jobs = [build, lint, test, deploy];

  expect(decide(jobs, { build: "failed", lint: "running" })).toEqual({ start: [], skip: [] });
  expect(decide(jobs, { build: "failed", lint: "passed" })).toEqual({ start: [], skip: ["test", "deploy"] });
});

it("runs jobs for failures only after one, and jobs for always after either", () => {
  const onFailure = pipelineJob("mourn", { when: "on_failure" });
  const always = pipelineJob("tidy", { when: "always" });
  const jobs = [build, onFailure, always];

  expect(decide(jobs, { build: "failed" })).toEqual({ start: ["mourn", "tidy"], skip: [] });
  expect(decide(jobs, { build: "passed" })).toEqual({ start: ["tidy"], skip: ["mourn"] });
});

it("starts a job as soon as what it needs has passed, whatever else its stages do", () => {
  const early = pipelineJob("early", { stage: "deploy", needs: ["build"] });
  const first = pipelineJob("first", { stage: "deploy", needs: [] });
  const jobs = [build, lint, test, early, first];

  expect(decide(jobs).start).toEqual(["build", "lint", "first"]);
  expect(decide(jobs, { build: "passed", lint: "running", first: "passed" }).start).toEqual(["early"]);
});

it("skips a job whose need failed or was skipped, and what needs that in turn", () => {
  const second = pipelineJob("second", { needs: ["build"] });
  const third = pipelineJob("third", { stage: "deploy", needs: ["second"] });

  expect(decide([build, second, third], { build: "failed" }).skip).toEqual(["second", "third"]);
});

it("leaves manual jobs alone, and goes on without them unless they may not fail", () => {
  const manual = pipelineJob("manual", { stage: "build", heldBack: MANUAL, allowFailure: true });
  const blocking = pipelineJob("manual", { stage: "build", heldBack: { ...MANUAL, isBlocking: true } });

  expect(decide([manual, test])).toEqual({ start: ["test"], skip: ["manual"] });
  expect(decide([blocking, test, deploy])).toEqual({ start: [], skip: ["manual", "test", "deploy"] });
});

/** Pipelines as the parser lets them through: needs lead backwards. */
const pipelines = fc
  .array(
    fc.record({
      stage: fc.constantFrom(...STAGES),
      when: fc.constantFrom("on_success" as const, "on_failure" as const, "always" as const),
      heldBack: fc.option(fc.record({ why: fc.constant("manual"), isBlocking: fc.boolean() }), {
        nil: undefined,
        freq: 5,
      }),
      needs: fc.option(fc.array(fc.nat(20), { maxLength: 3 }), { nil: undefined }),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((drafts) => {
    const sorted = drafts.sort((a, b) => STAGES.indexOf(a.stage) - STAGES.indexOf(b.stage));
    return sorted.map(({ needs, ...draft }, index) =>
      pipelineJob(`job ${index}`, {
        ...draft,
        needs: index === 0 ? needs && [] : needs?.map((need) => `job ${need % index}`),
      }),
    );
  });

/** Runs a pipeline to its end, each job ending as `hasFailed` says, one at a time; calls back at each start. */
function play(
  jobs: readonly PipelineJob[],
  hasFailed: (index: number) => boolean,
  onStart: (job: PipelineJob, progress: ReadonlyMap<string, JobProgress>) => void,
) {
  const progress = new Map<string, JobProgress>(jobs.map(({ name }) => [name, "pending"]));
  for (let step = 0; ; step += 1) {
    const { start, skip } = decideJobs(jobs, STAGES, progress);
    for (const { job } of skip) progress.set(job.name, "skipped");
    for (const job of start) onStart(job, progress);
    for (const job of start) progress.set(job.name, "running");
    const running = jobs.filter(({ name }) => progress.get(name) === "running");
    const next = running[step % Math.max(1, running.length)];
    if (next === undefined) return progress;
    progress.set(next.name, hasFailed(jobs.indexOf(next)) ? "failed" : "passed");
  }
}

it("brings every job of every pipeline to an end", () => {
  fc.assert(
    fc.property(pipelines, fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }), (jobs, failures) => {
      const ends = [
        ...play(
          jobs,
          (index) => failures[index] === true,
          () => undefined,
        ).values(),
      ];

      expect(ends).not.toContain("pending");
      expect(ends).not.toContain("running");
    }),
  );
});

it("never starts a job twice, before what it waits for has ended, after a failure it does not want, or that is held back", () => {
  fc.assert(
    fc.property(pipelines, fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }), (jobs, failures) => {
      const started = new Set<string>();

      play(
        jobs,
        (index) => failures[index] === true,
        (job, progress) => {
          const earlier = jobs.filter(({ stage }) => STAGES.indexOf(stage) < STAGES.indexOf(job.stage));
          const before = job.needs ?? earlier.map(({ name }) => name);
          const ends = before.map((name) => progress.get(name));
          expect(started).not.toContain(job.name);
          expect(job.heldBack).toBeUndefined();
          expect(ends.filter((end) => end === "pending" || end === "running")).toEqual([]);
          if (job.when === "on_success") expect(ends).not.toContain("failed");
          if (job.when === "on_failure") expect(ends).toContain("failed");
          started.add(job.name);
        },
      );
    }),
  );
});
