import { expect, it } from "vitest";
import { choosePools } from "../../../src/ci/pools.ts";
import { selectJobs } from "../../../src/ci/select.ts";
import { pipelineJob } from "../../support/pipelineJobs.ts";

const heldBack = { why: "manual", isBlocking: true };
const pipeline = {
  stages: [".pre", "build", "test", ".post"],
  jobs: [
    pipelineJob("build 1/2", { baseName: "build", stage: "build" }),
    pipelineJob("build 2/2", { baseName: "build", stage: "build" }),
    pipelineJob("test", { needs: ["build 1/2", "build 2/2"] }),
    pipelineJob("mourn", { when: "on_failure", heldBack }),
  ],
};

it("leaves the named jobs alone, freed of what they need and what held them back", () => {
  const { jobs } = selectJobs(pipeline, ["build 2/2", "test", "mourn"]);

  expect(jobs.map(({ name, needs }) => [name, needs])).toEqual([
    ["build 2/2", undefined],
    ["test", ["build 2/2"]],
    ["mourn", undefined],
  ]);
  expect(jobs[2]).toMatchObject({ when: "always", heldBack: undefined });
});

it("takes all jobs that parallel makes of a name", () => {
  expect(selectJobs(pipeline, ["build"]).jobs).toHaveLength(2);
});

it("refuses every name of no job, with a suggestion where one is near", () => {
  expect(() => selectJobs(pipeline, ["tset", "?"])).toThrowError(
    '--job: Expected the name of a job, got "tset" (did you mean "test"?)\n--job: Expected the name of a job, got "?"',
  );
});

it("chooses the pool asked for, else the one that a tag names, else the first", () => {
  const jobs = [pipelineJob("a", { tags: ["docker", "large"] }), pipelineJob("b")];

  const byTag = choosePools(jobs, ["small", "large"], undefined);
  const asked = choosePools(jobs, ["small", "large"], "small");

  expect(jobs.map(byTag.poolNameOf)).toEqual(["large", "small"]);
  expect(byTag.warnings).toEqual(['tag "docker" is not honoured: no pool has that name']);
  expect(jobs.map(asked.poolNameOf)).toEqual(["small", "small"]);
});

it("refuses a pool that is not there", () => {
  expect(() => choosePools([], ["small", "large"], "smal")).toThrowError(
    '--pool: Expected one of the pools small, large, got "smal" (did you mean "small"?)',
  );
});
