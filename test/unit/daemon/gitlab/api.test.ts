import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { GitlabJob, GitlabPipeline } from "../../../support/gitlab/pipelineHooks.ts";
import { startRestGitlab } from "../../../support/gitlab/rest.ts";
import type { RestGitlab } from "../../../support/gitlab/rest.ts";
import { API_TOKEN, runPipeline, startSite } from "../../../support/gitlab/site.ts";
import type { PipelineRun, Site } from "../../../support/gitlab/site.ts";
import { MINUTE_MS, TESTS, TwoStages } from "../../../support/gitlab/twoStages.ts";

const STEP_MS = 10_000;

/** A daemon that asks a GitLab, and nothing else. */
interface Asking extends AsyncDisposable {
  readonly site: Site;
  readonly gitlab: RestGitlab;
  /** Lets a time pass that GitLab has time to answer in. */
  advance(ms: number): Promise<void>;
  health(): Promise<NonNullable<Awaited<ReturnType<Site["running"]["manager"]["health"]>>["gitlab"]>>;
}

async function startAsking(projects: readonly string[] = ["group/project"]): Promise<Asking> {
  let now = (): number => 0;
  const gitlab = await startRestGitlab(() => now());
  const site = await startSite((folder) => ({
    api: { url: gitlab.url, tokenFile: join(folder, "api-token"), projects, pollIntervalMs: 30_000 },
  }));
  now = site.clock.now;
  await site.gitlab?.settled();
  return {
    ...{ site, gitlab },
    async advance(ms) {
      for (let left = ms; left > 0; left -= STEP_MS) {
        await site.clock.advance(Math.min(left, STEP_MS));
        await site.gitlab?.settled();
      }
    },
    async health() {
      const { gitlab: known } = await site.running.manager.health();
      if (known === undefined) throw new Error("it says nothing of GitLab");
      return known;
    },
    async [Symbol.asyncDispose]() {
      await site[Symbol.asyncDispose]();
      await gitlab[Symbol.asyncDispose]();
    },
  };
}

const show = ({ gitlab }: Asking, pipeline: TwoStages): void =>
  void gitlab.pipelines.set(pipeline.id, { ...pipeline.pipeline });

async function runShown(asking: Asking, id: number): Promise<PipelineRun> {
  const { site, advance } = asking;
  return runPipeline(
    site,
    new TwoStages(id, site.clock.now()),
    async (pipeline) => {
      show(asking, pipeline);
      // A runner asks for jobs every few seconds, too.
      await advance(STEP_MS);
    },
    // The rest of the day shows nothing new.
    (ms) => advance(Math.min(ms, 12 * MINUTE_MS)),
  );
}

it("has the second stage's machines ready when it comes, by what the API alone tells", async () => {
  await using asking = await startAsking();
  const first = await runShown(asking, 1);

  const second = await runShown(asking, 2);

  expect(first.testWaitsMs.filter((ms) => ms > 1_000).length).toBeGreaterThan(3);
  expect(second.testWaitsMs.filter((ms) => ms > 1_000)).toEqual([]);
  // One for each job, and the idle one after them.
  expect(second.launched).toBeLessThanOrEqual(TESTS + 2);
  expect(second.levelBefore).toBeGreaterThanOrEqual(TESTS);
  expect(await asking.health()).toMatchObject({ knownNames: 7, jobsToCome: 0, api: { isUp: true, projects: 1 } });
  expect(asking.site.lines.filter((line) => /^(error|warn)/.test(line))).toEqual([]);
  // Two looks a minute, and one request more for each that finds a pipeline at work.
  expect(asking.gitlab.requests.length).toBeLessThan((4 * asking.site.clock.now()) / MINUTE_MS);
});

it("learns from pipelines that were there before it, and tells of one that runs, page by page", async () => {
  await using asking = await startAsking();
  const many = (id: number, status: string, startedAt: number | undefined) =>
    Array.from({ length: 230 }, (_, n) => ({
      ...{ id: id * 1_000 + n, name: `many ${n}`, stage: n === 0 ? "build" : "test", tags: ["mayfly"] },
      ...{ status: n === 0 && status === "created" ? "running" : status, startedAt: n === 0 ? 0 : startedAt },
      finishedAt: status === "success" ? 2 * MINUTE_MS : undefined,
    }));
  const stages = ["never", "told"];
  asking.gitlab.pipelines.set(1, {
    projectId: 7,
    id: 1,
    status: "success",
    stages,
    updatedAt: 1,
    jobs: many(1, "success", 0),
  });
  asking.gitlab.pipelines.set(2, {
    projectId: 7,
    id: 2,
    status: "running",
    stages,
    updatedAt: 1,
    jobs: many(2, "created", undefined),
  });

  await asking.advance(30_000);

  expect(await asking.health()).toMatchObject({ knownNames: 230, jobsToCome: 229, pipelines: 1 });
  expect(asking.gitlab.requests.filter(({ path }) => path.includes("page=3"))).toHaveLength(2);
});

it.each([
  [{ status: 500 }, "answers /projects/group%2Fproject/pipelines with 500"],
  [{ status: 401 }, "does not take the token of `gitlab.token_file`"],
  [{ status: 302, headers: { location: "http://elsewhere.test" } }, "with 302; is `gitlab.url` right?"],
  [{ status: 200 }, "with what is not understood"],
])("goes on as without it while GitLab answers %j, and with it when that is over", async (failWith, why) => {
  await using asking = await startAsking();
  const { gitlab, site } = asking;
  gitlab.failWith = failWith;
  await asking.advance(40 * MINUTE_MS);

  const { problems, status } = await site.running.manager.health();
  const asked = gitlab.requests.length;
  gitlab.failWith = undefined;
  show(asking, new TwoStages(1, 0).become("success", "success", 0));
  show(asking, new TwoStages(2, 0).become("running", "created", site.clock.now()));
  await asking.advance(11 * MINUTE_MS);

  expect(problems.join()).toContain(`GitLab's API does not say what it is asked: `);
  expect(problems.join()).toContain(why);
  expect(status).toBe("degraded");
  expect(asked).toBeLessThan(12);
  expect((await site.running.manager.pool("small")).machines.idle).toBeGreaterThan(0);
  expect(await asking.health()).toMatchObject({ jobsToCome: TESTS, api: { isUp: true } });
  expect((await asking.health()).api?.problem).toBeUndefined();
  expect(site.lines.filter((line) => line.includes("GitLab"))).toEqual([
    "warn: GitLab's API does not say what it is asked; it is asked again",
    "info: GitLab's API answers again",
  ]);
  expect(site.lines.join()).not.toContain(API_TOKEN);
});

it("asks no earlier than GitLab wants to be asked", async () => {
  await using asking = await startAsking();
  asking.gitlab.failWith = { status: 429, headers: { "retry-after": "300" } };
  await asking.advance(30_000);
  const asked = asking.gitlab.requests.length;
  await asking.advance(4 * MINUTE_MS);
  expect(asking.gitlab.requests).toHaveLength(asked);
  asking.gitlab.failWith = undefined;

  await asking.advance(2 * MINUTE_MS);

  expect(await asking.health()).toMatchObject({ api: { isUp: true } });
});

it("asks nothing more when little is left of a rate limit, until there is more", async () => {
  await using asking = await startAsking();
  const { gitlab, site, advance } = asking;
  show(asking, new TwoStages(1, 0).become("success", "success", 0));
  gitlab.headers = { "ratelimit-remaining": "9", "ratelimit-reset": `${site.clock.now() / 1_000 + 300}` };
  const before = gitlab.requests.length;
  await advance(4 * MINUTE_MS);
  expect(gitlab.requests.length).toBe(before + 1);
  gitlab.headers = {};

  await advance(3 * MINUTE_MS);

  expect(await asking.health()).toMatchObject({ knownNames: 7, api: { isUp: true } });
});

it("takes no answer that is longer than any should be", async () => {
  await using asking = await startAsking();
  asking.gitlab.pipelines.set(1, {
    projectId: 7,
    id: 1,
    stages: [],
    ref: "r".repeat(20 * 2 ** 20),
    updatedAt: 1,
    jobs: [],
  });

  await asking.advance(30_000);

  expect((await asking.health()).api?.problem?.text).toBe("GitLab answered more than 16 MiB");
});

it("looks at the other projects where one is not there, and says which", async () => {
  await using asking = await startAsking(["group/missing", "7"]);
  show(asking, new TwoStages(1, 0).become("success", "success", 0));
  show(asking, new TwoStages(2, 0).become("running", "created", 0));

  await asking.advance(30_000);

  const { api, jobsToCome } = await asking.health();
  expect(jobsToCome).toBe(TESTS);
  expect(api).toMatchObject({ isUp: true, problem: { text: expect.stringContaining("/projects/group%2Fmissing/") } });
});

it("says that its token cannot be read, and goes by it when it can", async () => {
  await using asking = await startAsking();
  await rm(join(asking.site.folder, "api-token"));
  await asking.advance(30_000);
  expect((await asking.health()).api?.problem?.text).toContain("gitlab.token_file");
  await writeFile(join(asking.site.folder, "api-token"), API_TOKEN, { mode: 0o600 });

  await asking.advance(2 * MINUTE_MS);

  expect((await asking.health()).api).toMatchObject({ isUp: true });
});

it("has machines ready for the first stage of a scheduled pipeline, and orders none for one that is switched off", async () => {
  await using asking = await startAsking();
  const { gitlab, site, advance } = asking;
  const AT = 40 * MINUTE_MS;
  const nightly = (id: number, statusOf: (n: number) => string, startedAt: number): GitlabPipeline => ({
    ...{ projectId: 7, id, stages: ["a"], source: "schedule", ref: "main", updatedAt: startedAt },
    status: statusOf(0) === "success" ? "success" : "running",
    jobs: Array.from({ length: 5 }, (_, n) => {
      const isOver = statusOf(n) === "success";
      const at = { startedAt: isOver ? startedAt : undefined, finishedAt: isOver ? startedAt + MINUTE_MS : undefined };
      return { id: id * 10 + n, name: `night ${n}`, stage: "a", status: statusOf(n), tags: ["mayfly"], ...at };
    }),
  });
  gitlab.pipelines.set(
    1,
    nightly(1, () => "success", 0),
  );
  gitlab.schedules.set(13, { id: 13, ref: "refs/heads/main", nextRunAt: AT, lastPipelineId: 1 });
  gitlab.schedules.set(14, { id: 14, ref: "refs/heads/off", nextRunAt: AT, lastPipelineId: 1, isActive: false });
  gitlab.schedules.set(15, { id: 15, ref: "refs/heads/new", nextRunAt: AT });
  await advance(AT - 10 * MINUTE_MS);
  const levelBefore = await site.level();

  await advance(10 * MINUTE_MS - STEP_MS);
  const level = await site.level();
  gitlab.pipelines.set(
    2,
    nightly(2, () => "pending", AT),
  );
  gitlab.schedules.set(13, { id: 13, ref: "refs/heads/main", nextRunAt: AT + 86_400_000, lastPipelineId: 2 });
  await advance(2 * MINUTE_MS);

  expect(levelBefore).toBeLessThan(5);
  expect(level).toBeGreaterThanOrEqual(5);
  expect(level).toBeLessThan(10);
  expect(await asking.health()).toMatchObject({ jobsToCome: 0, pipelines: 0, api: { isUp: true } });
  expect(gitlab.requests.filter(({ path }) => path.includes("/pipeline_schedules?")).length).toBeLessThan(6);
});

describe("what jobs need", () => {
  const job = (n: number, name: string, stage: string, changes: Partial<GitlabJob> = {}): GitlabJob => ({
    ...{ id: n, name, stage, tags: ["mayfly"], ...changes },
  });
  const over = { status: "success", startedAt: 0, finishedAt: 2 * MINUTE_MS };
  const jobsOf = (first: number, isOver: boolean): readonly GitlabJob[] => [
    job(first, "build", "build", isOver ? over : { status: "running", startedAt: 0 }),
    job(first + 1, "slow", "test", isOver ? over : {}),
    // It never ran, so that nobody knows when all of its stage are over.
    job(first + 2, "new", "test", isOver ? { status: "canceled" } : {}),
    job(first + 3, "ship", "deploy", { ...(isOver ? over : {}), needs: ["build"] }),
    job(first + 4, "ask", "deploy", { ...(isOver ? { status: "skipped" } : {}), when: "manual", needs: ["build"] }),
  ];
  const showBoth = ({ gitlab }: Asking): void => {
    const stages = ["build", "test", "deploy"];
    const both = [true, false].map((isOver, n) => ({ id: n + 1, isOver, jobs: jobsOf(n * 10 + 1, isOver) }));
    for (const { id, isOver, jobs } of both)
      gitlab.pipelines.set(id, { projectId: 7, id, status: isOver ? "success" : "running", stages, jobs });
  };

  it("is asked for once for each pipeline, and says when they come, and which are started by hand", async () => {
    await using asking = await startAsking();
    showBoth(asking);

    await asking.advance(2 * MINUTE_MS);

    // `slow`, `new` and `ship`, not `ask`.
    expect(await asking.health()).toMatchObject({ jobsToCome: 3 });
    expect(asking.gitlab.requests.filter(({ path }) => path === "/api/graphql")).toHaveLength(3);
  });

  it.each([200, 500] as const)(
    "is what stages say while GitLab does not tell it (%i), which is said once",
    async (how) => {
      await using asking = await startAsking();
      asking.gitlab.failGraphql = how;
      showBoth(asking);

      await asking.advance(2 * MINUTE_MS);

      expect(await asking.health()).toMatchObject({ jobsToCome: 2, api: { isUp: true } });
      expect((await asking.health()).api?.problem).toBeUndefined();
      expect(asking.site.lines.filter((line) => line.includes("GitLab"))).toEqual([
        "info: GitLab does not tell what jobs need: their stages say when they come",
      ]);
    },
  );
});
