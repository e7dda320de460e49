import { describe, expect, it } from "vitest";
import { createAnnouncer } from "../../../src/ci/announce.ts";
import { durationsOf, foreseenFrom } from "../../../src/ci/lookahead.ts";
import type { Durations } from "../../../src/ci/lookahead.ts";
import type { Pipeline } from "../../../src/ci/model.ts";
import type { JobProgress } from "../../../src/ci/pipeline.ts";
import { jobIdFrom } from "../../../src/domain/ids.ts";
import type { Job } from "../../../src/domain/job.ts";
import { announcedFrom, jobsToCome } from "../../../src/planning/lookahead/jobsToCome.ts";
import type { Announcement } from "../../../src/ports/announce.ts";
import { pipelineJob } from "../../support/pipelineJobs.ts";
import { waitingJob } from "../../support/records.ts";

const MINUTE_MS = 60_000;
const build = pipelineJob("build", { stage: "build" });
const tests = Array.from({ length: 4 }, (_, n) => pipelineJob(`test ${n + 1}/4`, { stage: "test" }));
const deploy = pipelineJob("deploy", { stage: "deploy", needs: ["test 1/4"] });
const pipeline = { stages: ["build", "test", "deploy"], jobs: [build, ...tests, deploy] };
const inSmall = (): string => "small";

const ran = (name: string, tookMs: number): Job => ({
  ...waitingJob(`j-${name}-${tookMs}`),
  ...{ id: jobIdFrom(`j-${name}-${tookMs}`), name, startedAt: 0, state: "ended", endedAt: tookMs },
  end: { result: "success", exitCode: 0 },
});
const history = [1, 2, 3].map((minutes) => ran("build", minutes * MINUTE_MS));

const allPending = (changes: Readonly<Record<string, JobProgress>> = {}): Map<string, JobProgress> =>
  new Map(pipeline.jobs.map(({ name }) => [name, changes[name] ?? "pending"]));

const toCome = (
  of: Pipeline,
  progress: ReadonlyMap<string, JobProgress>,
  startedAt: ReadonlyMap<string, number>,
  durations: Durations,
  now: number,
) =>
  jobsToCome(
    foreseenFrom(of, progress, startedAt),
    { durationsOf: (name) => durations.get(name) ?? [], poolNameOf: inSmall },
    now,
  ).map(announcedFrom);

describe("the jobs to come of a pipeline", () => {
  it("come together when the job before them has run as long as its like did", () => {
    const progress = allPending({ build: "running" });

    const jobs = toCome(pipeline, progress, new Map([["build", 0]]), durationsOf(history), 30_000);

    expect(jobs).toEqual([
      {
        ...{ poolName: "small", count: 4, chance: 0.9 },
        readyAt: [1, 1, 1, 2, 2, 2, 3, 3, 3].map((minutes) => minutes * MINUTE_MS),
      },
    ]);
  });

  it("are told of further stages where all before them have run before", () => {
    const known = durationsOf([...history, ran("test 1/4", MINUTE_MS)]);

    const jobs = toCome(pipeline, allPending({ build: "running" }), new Map([["build", 0]]), known, 0);

    expect(jobs.map(({ count }) => count)).toEqual([4, 1]);
    expect(jobs[1]?.readyAt[0]).toBe(2 * MINUTE_MS);
  });

  it("come now, not in the past, when the job before them is late", () => {
    const late = toCome(
      pipeline,
      allPending({ build: "running" }),
      new Map([["build", 0]]),
      durationsOf(history),
      10 * MINUTE_MS,
    );

    expect(new Set(late[0]?.readyAt)).toEqual(new Set([10 * MINUTE_MS]));
  });

  it("are none where nothing is known, when all run, and when they start on a failure alone", () => {
    const onFailure = { ...pipeline, jobs: [build, pipelineJob("rescue", { stage: "test", when: "on_failure" })] };
    const running = new Map([["build", 0]]);

    expect(toCome(pipeline, allPending({ build: "running" }), running, new Map(), 0)).toEqual([]);
    expect(
      toCome(
        onFailure,
        new Map([
          ["build", "running"],
          ["rescue", "pending"],
        ]),
        running,
        durationsOf(history),
        0,
      ),
    ).toEqual([]);
  });

  it("do not wait for each other without end", () => {
    const circle = {
      stages: ["test"],
      jobs: ["a", "b"].map((name, n) => pipelineJob(name, { needs: [["b", "a"][n] ?? ""] })),
    };

    const pending = new Map<string, JobProgress>([
      ["a", "pending"],
      ["b", "pending"],
    ]);
    expect(toCome(circle, pending, new Map(), durationsOf([ran("a", 1), ran("b", 1)]), 0)).toEqual([]);
  });
});

describe("an announcer", () => {
  const told = async (announce: (announcement: Announcement) => void) => {
    let now = 0;
    const manager = {
      jobs: async () => history,
      announcePipeline: async (id: string, announcement: Announcement) => {
        announce(announcement);
        return { id };
      },
    };
    const announcer = createAnnouncer(pipeline, manager, inSmall, { now: () => now }, { id: () => "p-1" });
    await announcer.tell(allPending({ build: "running" }), [build]);
    now = 2 * MINUTE_MS;
    const running = Object.fromEntries(tests.map(({ name }) => [name, "running"] as const));
    await announcer.tell(allPending({ build: "passed", ...running }), tests);
  };

  it("tells what is to come, and then that it begins", async () => {
    const announcements: Announcement[] = [];

    await told((announcement) => announcements.push(announcement));

    expect(announcements).toMatchObject([
      { jobs: [{ poolName: "small", count: 4 }], begun: [{ poolName: "small", count: 1 }] },
      { jobs: [], begun: [{ poolName: "small", count: 4 }] },
    ]);
  });

  it("asks a manager that knows no announcements once, and lets the pipeline go on", async () => {
    let asked = 0;

    await told(() => {
      asked += 1;
      throw new Error("404");
    });

    expect(asked).toBe(1);
  });
});
