import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PipelineFact } from "../../../../src/daemon/gitlab/facts.ts";
import { heardFrom } from "../../../../src/daemon/gitlab/hooks.ts";
import { createPipelineBook, foreseenFrom } from "../../../../src/daemon/gitlab/pipelines.ts";
import { jobHook, pipelineHook } from "../../../support/gitlab/pipelineHooks.ts";
import type { GitlabJob, GitlabPipeline } from "../../../support/gitlab/pipelineHooks.ts";
import { TwoStages } from "../../../support/gitlab/twoStages.ts";

const factOf = (body: object): PipelineFact => {
  const heard = heardFrom(JSON.stringify(body));
  if (heard.what !== "pipeline" && heard.what !== "job") throw new Error(JSON.stringify(heard));
  return heard.fact;
};
const never = (): boolean => false;

/** The way of one pipeline, as GitLab tells it. */
const story = [
  ["pending", "created"],
  ["running", "created"],
  ["success", "pending"],
  ["success", "running"],
  ["success", "success"],
].flatMap(([build = "", test = ""], step) => {
  const { pipeline, jobs } = new TwoStages(3, 0).become(build, test, step * 60_000);
  return [pipelineHook(pipeline), ...jobs.map((job) => jobHook(pipeline, job))];
});

const pipelineOf = (jobs: readonly GitlabJob[]): GitlabPipeline => ({
  ...{ projectId: 7, id: 1, stages: ["build", "test", "deploy"], jobs },
});
const foreseen = (jobs: readonly GitlabJob[], isManual = never) => {
  const { pipeline } = createPipelineBook().hear(factOf(pipelineHook(pipelineOf(jobs))));
  return foreseenFrom(pipeline, isManual)?.jobs.map(({ name, state, heldBack }) => [name, state, heldBack]);
};

describe("a book of pipelines", () => {
  it("comes to the same, in whichever order and how often events come", () => {
    const facts = story.map(factOf);
    const inOrder = createPipelineBook();
    const [expected] = facts.map((fact) => inOrder.hear(fact).pipeline).slice(-1);

    fc.assert(
      fc.property(fc.shuffledSubarray(facts, { minLength: facts.length }), fc.subarray(facts), (shuffled, again) => {
        const book = createPipelineBook();
        const heard = [...shuffled, ...again].map((fact) => book.hear(fact));
        const ended = heard.flatMap((each) => each.ended);
        const pipeline = heard.at(-1)?.pipeline;
        expect(pipeline && foreseenFrom(pipeline, never)?.jobs.toSorted(byName)).toEqual(
          expected && foreseenFrom(expected, never)?.jobs.toSorted(byName),
        );
        expect(ended.map(({ id }) => id).toSorted()).toEqual([300, 301, 302, 303, 304, 305, 306]);
        expect(ended.every(({ durationMs }) => durationMs !== undefined)).toBe(true);
      }),
    );
  });

  it("keeps no more than it may, who was silent for longest goes first", () => {
    const book = createPipelineBook(3, 20);
    const hear = (pipelineId: number, jobCount = 0): number => {
      const jobs = Array.from({ length: jobCount }, (_, n) => ({
        ...{ id: n + 1, name: `${n}`, stage: "x", state: "created" as const },
      }));
      return book.hear({ projectId: 7, pipelineId, jobs }).pipeline.jobs.size;
    };
    for (const id of [1, 2, 3]) hear(id, 1);
    hear(1);
    hear(4, 1);
    const remembered = [hear(1), hear(3), hear(4)];

    expect(remembered).toEqual([1, 1, 1]);
    expect(hear(2)).toBe(0);

    for (const id of [5, 6]) hear(id, 15);

    expect(hear(6)).toBe(15);
    expect(hear(5)).toBe(0);
  });
});

describe("the future of a pipeline", () => {
  it("is not known before the order of its stages is", () => {
    const { pipeline } = createPipelineBook().hear(
      factOf(jobHook(pipelineOf([]), { id: 1, name: "a", stage: "test" })),
    );

    expect(foreseenFrom(pipeline, never)).toBeUndefined();
  });

  it("counts on no job that somebody must start, that waits for a failure, or for one that has failed", () => {
    const job = (id: number, name: string, changes: Partial<GitlabJob>): GitlabJob => ({
      ...{ id, name, stage: "test", ...changes },
    });

    expect(
      foreseen([
        job(1, "broken", { status: "failed" }),
        job(2, "may break", { status: "failed", allowFailure: true }),
        job(3, "manual", { when: "manual", allowFailure: true }),
        job(4, "blocking", { status: "manual", when: "manual" }),
        job(5, "played", { status: "running", when: "manual" }),
        job(6, "delayed", { status: "scheduled", when: "delayed" }),
        job(7, "rescue", { when: "on_failure" }),
        job(8, "skipped", { status: "skipped" }),
        job(9, "odd", { status: "a word of next year" }),
        job(10, "plain", { status: "waiting_for_resource" }),
      ]),
    ).toEqual([
      ["broken", "waiting", "blocking"],
      ["may break", "over", undefined],
      ["manual", "waiting", "aside"],
      ["blocking", "waiting", "blocking"],
      ["played", "running", undefined],
      ["delayed", "waiting", "blocking"],
      ["rescue", "waiting", "aside"],
      ["skipped", "over", undefined],
      ["odd", "over", undefined],
      ["plain", "waiting", undefined],
    ]);
  });

  it("goes by the last retry of a job", () => {
    const jobs = [
      { id: 1, name: "build", stage: "build", status: "failed" },
      { id: 9, name: "build", stage: "build", status: "running", startedAt: 5_000 },
    ];

    expect(foreseen(jobs)).toEqual([["build", "running", undefined]]);
    expect(foreseen(jobs.toReversed())).toEqual([["build", "running", undefined]]);
  });

  it("takes a job for manual that was one before, where nothing says when it runs", () => {
    const book = createPipelineBook();
    book.hear({ ...factOf(pipelineHook(pipelineOf([]))) });
    const { pipeline } = book.hear(factOf(jobHook(pipelineOf([]), { id: 1, name: "ship", stage: "deploy" })));

    expect(foreseenFrom(pipeline, (name) => name === "ship")?.jobs[0]?.heldBack).toBe("blocking");
  });
});

describe("what a webhook says", () => {
  it.each([
    ["", "invalid"],
    ["null", "invalid"],
    ["[]", "invalid"],
    ['{"object_kind":7}', "invalid"],
    ['{"object_kind":"push"}', "other"],
    ['{"object_kind":"build","build_id":"1"}', "invalid"],
    [JSON.stringify(pipelineHook(pipelineOf([]))).replace('"id":7', '"id":-7'), "invalid"],
    [JSON.stringify(pipelineHook(pipelineOf([{ id: 1, name: "n".repeat(256), stage: "x" }]))), "invalid"],
    [JSON.stringify(pipelineHook({ ...pipelineOf([]), stages: [] })), "pipeline"],
  ])("is read, or refused without showing values: %.60s", (body, what) => {
    const heard = heardFrom(body);

    expect(heard.what).toBe(what);
    expect(JSON.stringify(heard)).not.toContain("nnn");
  });
});

const byName = (a: { readonly name: string }, b: { readonly name: string }): number => (a.name < b.name ? -1 : 1);
