import { describe, expect, it } from "vitest";
import type { PipelineFact } from "../../../../src/daemon/gitlab/facts.ts";
import { createLearnedJobs } from "../../../../src/daemon/gitlab/learned.ts";
import type { LearnedJobs } from "../../../../src/daemon/gitlab/learned.ts";
import { createLookout } from "../../../../src/daemon/gitlab/lookout.ts";
import { heardFrom } from "../../../../src/daemon/gitlab/hooks.ts";
import type { Announcement } from "../../../../src/ports/announce.ts";
import { pipelineHook } from "../../../support/gitlab/pipelineHooks.ts";
import { BUILD_MS, TESTS, TwoStages } from "../../../support/gitlab/twoStages.ts";

const MINUTE_MS = 60_000;
const NAMES = ["build", ...Array.from({ length: TESTS }, (_, n) => `test ${n + 1}/6`)];

function start(learned: LearnedJobs = createLearnedJobs()) {
  let now = 1_000;
  const told: (Announcement & { readonly id: string })[] = [];
  const lookout = createLookout({
    ...{ runners: [], host: "gitlab.test", poolNames: () => new Set(["small"]), learned, clock: { now: () => now } },
    announce: (id, announcement) => void told.push({ id, ...announcement }),
  });
  const hear = (pipeline: TwoStages): void => {
    const heard = heardFrom(JSON.stringify(pipelineHook(pipeline.pipeline)));
    if (heard.what === "pipeline") lookout.hear(heard.fact);
  };
  const submit = (
    jobId: number,
    name: string,
    changes: Readonly<Record<string, string>> = {},
    poolName = "small",
  ): void =>
    lookout.noteJob({
      ...{ poolName, holder: `gitlab-runner 3 of gitlab.test, job ${jobId}` },
      variables: {
        ...{ CI_SERVER_HOST: "gitlab.test", CI_PROJECT_ID: "7", CI_PIPELINE_ID: "1", CI_JOB_ID: `${jobId}` },
        ...{ CI_JOB_NAME: name, CI_JOB_STAGE: name === "build" ? "build" : "test", ...changes },
      },
    });
  const advanceTo = (at: number): void => {
    now = at;
  };
  return { told, lookout, learned, hear, submit, advanceTo };
}

/** What an earlier pipeline of the same jobs has taught. */
function taught(): LearnedJobs {
  const learned = createLearnedJobs();
  for (const name of NAMES) {
    learned.noteDuration(7, name, BUILD_MS);
    learned.notePool(7, name, "small");
  }
  return learned;
}

it("learns from jobs that runners submit where those of their names go, and from their ends how long they take", () => {
  const { told, hear, submit, learned } = start();
  hear(new TwoStages(1, 0).become("running", "created", 0));
  for (const [n, name] of NAMES.entries()) submit(100 + n, name);
  hear(new TwoStages(1, 0).become("success", "success", BUILD_MS));
  expect(told).toEqual([]);
  expect(learned.size()).toBe(7);

  hear(new TwoStages(2, 0).become("running", "created", 0));

  expect(told).toMatchObject([
    { id: "gitlab-7-2", jobs: [{ poolName: "small", count: TESTS, chance: 0.9 }], begun: [] },
  ]);
  expect(told[0]?.jobs[0]?.readyAt).toEqual(Array(9).fill(BUILD_MS));
});

it("counts a job once that is submitted before GitLab says so, and again when it does", () => {
  const { told, hear, submit } = start(taught());
  hear(new TwoStages(1, 0).become("running", "created", 0));

  for (const n of [1, 2]) submit(100 + n, `test ${n}/6`);
  hear(new TwoStages(1, 0).become("success", "pending", BUILD_MS));
  hear(new TwoStages(1, 0).become("success", "running", BUILD_MS));

  expect(told.map(({ jobs, begun }) => [jobs.map(({ count }) => count), begun.map(({ count }) => count)])).toEqual([
    [[6], []],
    [[5], [1]],
    [[4], [1]],
    [[], [4]],
  ]);
});

it("tells of no jobs that were cancelled or skipped that they begin", () => {
  const { told, hear } = start(taught());
  hear(new TwoStages(1, 0).become("running", "created", 0));

  hear(new TwoStages(1, 0).become("failed", "skipped", BUILD_MS));

  expect(told.at(-1)).toMatchObject({ jobs: [], begun: [] });
});

it("tells nothing of names that go elsewhere now, or to a pool that is no more", () => {
  const learned = taught();
  for (let missed = 0; missed < 3; missed += 1) for (const name of NAMES) learned.notePool(7, name, undefined);
  learned.notePool(7, "test 1/6", "removed");
  const { told, hear } = start(learned);

  hear(new TwoStages(1, 0).become("running", "created", 0));

  expect(told).toEqual([]);
});

it.each([
  ["of another GitLab", { CI_SERVER_HOST: "elsewhere.test" }],
  ["without a project", { CI_PROJECT_ID: "" }],
  ["with an odd number", { CI_PIPELINE_ID: "-1" }],
  ["without a name", { CI_JOB_NAME: "" }],
])("passes over a submitted job %s", (_what, changes) => {
  const { submit, learned } = start();

  submit(5, "build", changes);

  expect(learned.poolNameOf(7, "build")).toBeUndefined();
});

it("remembers what it has learned, within bounds, and nothing where the memory is none", () => {
  const again = createLearnedJobs(taught().memory());
  expect(again.size()).toBe(7);
  expect(again.durationsOf(7, "build")).toEqual([BUILD_MS]);
  for (const memory of [undefined, "{", "[[1]]"]) expect(createLearnedJobs(memory).size()).toBe(0);

  const small = createLearnedJobs(undefined, 2);
  for (const name of ["a", "b", "c"]) for (let n = 30; n > 0; n -= 1) small.noteDuration(7, name, n);

  expect(["a", "b", "c"].map((name) => small.durationsOf(7, name).length)).toEqual([0, 20, 20]);
  expect(small.durationsOf(7, "c")[0]).toBe(1);
});

it("takes a lease that says of no job whose it is for one that is due, unless it knows of one that may run", () => {
  const { told, lookout, hear } = start(taught());
  hear(new TwoStages(1, 1_000 - BUILD_MS).become("running", "created", 0));
  hear(new TwoStages(2, 1_000).become("running", "created", 1_000));

  for (const poolName of ["small", "other", "small"]) lookout.noteArrival(poolName);
  hear(new TwoStages(1, 1_000 - BUILD_MS).become("success", "pending", 1_000));
  for (let n = 0; n < 6; n += 1) lookout.noteArrival("small");

  expect(told.map(({ id, jobs, begun }) => [id, jobs[0]?.count ?? 0, begun[0]?.count ?? 0])).toEqual([
    ["gitlab-7-1", 6, 0],
    ["gitlab-7-2", 6, 0],
    ["gitlab-7-1", 5, 1],
    ["gitlab-7-1", 4, 1],
    ["gitlab-7-1", 0, 4],
  ]);
});

it("forgets where jobs of a name go when three passed by, and not for those that were before it", () => {
  const learned = taught();
  const first = start(learned);
  for (let id = 1; id <= 5; id += 1) first.hear(new TwoStages(id, 1_000).become("success", "success", 0));
  expect(learned.poolNameOf(7, "build")).toBe("small");

  for (let id = 11; id <= 13; id += 1) first.hear(new TwoStages(id, 2 * MINUTE_MS).become("success", "success", 0));

  expect(learned.poolNameOf(7, "build")).toBeUndefined();
});

it("forgets a pipeline of which nothing was heard any more", () => {
  const { lookout, hear, advanceTo } = start(taught());
  hear(new TwoStages(1, 0).become("running", "created", 0));
  advanceTo(3 * 60 * MINUTE_MS);

  hear(new TwoStages(2, 3 * 60 * MINUTE_MS).become("running", "created", 0));

  expect(lookout.outlook()).toEqual({ pipelines: 1, jobs: TESTS });
});

describe("a schedule", () => {
  const AT = 20 * MINUTE_MS;
  const factOf = (pipeline: TwoStages, changes: Partial<PipelineFact> = {}): PipelineFact => {
    const heard = heardFrom(JSON.stringify(pipelineHook(pipeline.pipeline)));
    if (heard.what !== "pipeline") throw new Error("no pipeline");
    return { ...heard.fact, isWhole: true, ...changes };
  };
  const last = factOf(new TwoStages(1, 0).become("success", "success", 0));
  const comes = (startsAt: number): PipelineFact => ({
    ...last,
    ...{ ref: "refs/heads/main", scheduled: { scheduleId: 13, startsAt } },
  });

  it("brings jobs like those of its last pipeline, at its time, stage by stage", () => {
    const { told, lookout } = start(taught());

    lookout.hearScheduled("group/project", [comes(AT)]);

    expect(told).toHaveLength(1);
    expect(told[0]?.jobs.map(({ count, readyAt }) => [count, readyAt[0], readyAt.at(-1)])).toEqual([
      [1, AT, AT],
      [TESTS, AT + BUILD_MS, AT + BUILD_MS],
    ]);
    expect(told[0]?.ttlMs).toBeGreaterThan(AT + BUILD_MS);
  });

  it("is done when its pipeline is there, which is told of by itself then", () => {
    const { told, lookout, advanceTo } = start(taught());
    lookout.hearScheduled("group/project", [comes(AT)]);
    const made = (source: string, ref: string) =>
      factOf(new TwoStages(9, AT).become("running", "created", 0), { source, ref, isWhole: false });
    lookout.hear(made("schedule", "main"));
    expect(lookout.outlook().pipelines).toBe(2);
    advanceTo(AT + 2 * MINUTE_MS);

    for (const [source, ref] of [
      ["push", "main"],
      ["schedule", "other"],
    ] as const)
      lookout.hear({ ...made(source, ref), pipelineId: 8 });
    expect(told.filter(({ id }) => id.includes("schedule"))).toHaveLength(1);
    lookout.hear({ ...made("schedule", "main"), pipelineId: 10 });

    expect(told.slice(-2)).toMatchObject([
      { jobs: [], begun: [{ poolName: "small", count: 1 }] },
      { id: "gitlab-7-10", jobs: [{ count: TESTS }], begun: [] },
    ]);
    lookout.hearScheduled("group/project", []);
    expect(told.filter(({ id }) => id.includes("schedule"))).toHaveLength(2);
  });

  it("is forgotten when it is taken back or moved, and when its time was long ago", () => {
    const { told, lookout, advanceTo } = start(taught());
    lookout.hearScheduled("group/project", [comes(AT)]);
    lookout.hearScheduled("other/project", []);
    lookout.hearScheduled("group/project", [comes(AT + MINUTE_MS)]);
    expect(lookout.outlook()).toEqual({ pipelines: 1, jobs: TESTS + 1 });
    expect(told[1]).toMatchObject({ jobs: [], begun: [] });

    advanceTo(AT + 5 * MINUTE_MS);
    lookout.hearScheduled("group/project", []);
    expect(lookout.outlook().pipelines).toBe(1);
    advanceTo(AT + 20 * MINUTE_MS);
    lookout.hearScheduled("group/project", []);

    expect(lookout.outlook()).toEqual({ pipelines: 0, jobs: 0 });
  });
});
