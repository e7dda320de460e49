import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Store } from "../../../../src/ports/store.ts";
import { createMemoryStore } from "../../../../src/simulation/store.ts";
import { jobHook, pipelineHook } from "../../../support/gitlab/pipelineHooks.ts";
import { HOOK_TOKEN, runPipeline, startSite } from "../../../support/gitlab/site.ts";
import type { PipelineRun, Site } from "../../../support/gitlab/site.ts";
import { TESTS, TwoStages } from "../../../support/gitlab/twoStages.ts";
import { jobSpec } from "../../../support/jobs.ts";
import { until } from "../../../support/until.ts";

/** A daemon that takes webhooks at some port. */
async function startHooked(store?: Store): Promise<Site> {
  const site = await startAt(0, "token", store);
  await until("it listens", 10_000, async () => site.gitlab?.port());
  return site;
}

const startAt = (port: number, token = "token", store?: Store): Promise<Site> =>
  startSite((folder) => ({ webhooks: { listen: { host: "127.0.0.1", port }, tokenFile: join(folder, token) } }), store);

async function send({ gitlab }: Site, body: object | string, token = HOOK_TOKEN, path = "/gitlab"): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const headers = { "content-type": "application/json", "x-gitlab-token": token, "x-gitlab-event": "Pipeline Hook" };
  return fetch(`http://127.0.0.1:${gitlab?.port()}${path}`, { method: "POST", headers, body: text });
}

/** Has a pipeline run. @param isTold whether GitLab sends what it sends: a pipeline's event when that begins and ends, one for each job that changes. */
async function runTold(site: Site, id: number, isTold: boolean): Promise<PipelineRun> {
  return runPipeline(site, new TwoStages(id, site.clock.now()), async ({ pipeline, jobs }) => {
    const isAtAnEnd = jobs.every(({ status }) => ["pending", "created", "success"].includes(status ?? ""));
    const bodies = [...jobs.map((job) => jobHook(pipeline, job)), ...(isAtAnEnd ? [pipelineHook(pipeline)] : [])];
    for (const body of isTold ? bodies : []) expect((await send(site, body)).status).toBe(200);
  });
}

it("has the second stage's machines ready when it comes, where webhooks tell of it, and not where they do not", async () => {
  await using told = await startHooked();
  await using untold = await startHooked();
  const firsts = [await runTold(told, 1, true), await runTold(untold, 1, false)];

  const seconds = [await runTold(told, 2, true), await runTold(untold, 2, false)];

  expect(firsts[0]).toEqual(firsts[1]);
  expect(seconds[0]?.testWaitsMs.filter((ms) => ms > 1_000)).toEqual([]);
  // One for each job, and the idle one after them.
  expect(seconds[0]?.launched).toBeLessThanOrEqual(TESTS + 2);
  expect(seconds[0]?.levelBefore).toBeGreaterThanOrEqual(TESTS);
  // What was announced is no part of what may come at any time.
  expect(seconds[0]?.levelAfter).toBeLessThan(seconds[1]?.levelAfter ?? 0);
  expect(seconds[1]?.testWaitsMs.filter((ms) => ms > 1_000).length).toBeGreaterThan(3);
  expect(told.lines.filter((line) => line.startsWith("error"))).toEqual([]);
  expect((await told.running.manager.health()).gitlab).toMatchObject({ pipelines: 0, jobsToCome: 0, knownNames: 7 });
});

it("refuses a wrong token, what is no event, and other ways, in words; and nothing changes", async () => {
  await using site = await startHooked();
  const pipeline = new TwoStages(1, 0).become("success", "success", 0);
  await send(site, pipelineHook(pipeline.pipeline));
  const running = pipelineHook(new TwoStages(2, 0).become("running", "created", 0).pipeline);

  const answers = [
    await send(site, running, "another-token-of-a-stranger"),
    await send(site, running, ""),
    await send(site, "{"),
    await send(site, { object_kind: "pipeline" }),
    await send(site, { object_kind: "push" }),
    await send(site, running, HOOK_TOKEN, "/"),
    await send(site, "x".repeat(9 * 2 ** 20)),
  ];

  expect(answers.map(({ status }) => status)).toEqual([401, 401, 400, 400, 200, 404, 413]);
  expect(await answers[0]?.text()).toContain("gitlab.webhook_token_file");
  expect(await answers[3]?.text()).toContain("`object_attributes`");
  const { gitlab, status } = await site.running.manager.health();
  expect(gitlab).toMatchObject({ jobsToCome: 0, webhooks: { taken: 1, other: 1, invalid: 2, refused: 2, isUp: true } });
  expect(status).toBe("ok");
  const { text } = await site.running.metrics();
  expect(text).toContain('mayfly_gitlab_up{source="webhooks"} 1');
  for (const [outcome, count] of Object.entries({ taken: 1, other: 1, invalid: 2, refused: 2 }))
    expect(text).toContain(`mayfly_gitlab_webhooks{outcome="${outcome}"} ${count}`);
  expect(site.lines.filter((line) => line.startsWith("warn"))).toHaveLength(1);
  expect((await send(site, running)).status).toBe(200);
  expect((await site.running.manager.health()).gitlab).toMatchObject({ pipelines: 1, jobsToCome: TESTS });
});

it("goes by a token that was replaced", async () => {
  await using site = await startHooked();
  const body = pipelineHook(new TwoStages(1, 0).pipeline);
  await writeFile(join(site.folder, "token"), "the-next-secret-token", { mode: 0o600 });
  expect((await send(site, body, "the-next-secret-token")).status).toBe(401);

  await site.clock.advance(10_000);

  expect((await send(site, body, "the-next-secret-token")).status).toBe(200);
  expect((await send(site, body)).status).toBe(401);
});

it("does without webhooks while it cannot take them, says why, and takes them when it can", async () => {
  await using other = await startHooked();
  await using site = await startAt(other.gitlab?.port() ?? 0);
  await using tokenless = await startAt(0, "missing");
  const problemsOf = async ({ running }: Site): Promise<string> => (await running.manager.health()).problems.join("\n");
  await until("it knows", 10_000, async () => (await problemsOf(site)) !== "" && (await problemsOf(tokenless)) !== "");

  await site.clock.advance(5 * 60_000);

  expect(await problemsOf(site)).toMatch(/^GitLab's webhooks are not taken: gitlab.listen 127.0.0.1:\d+ is in use/);
  expect(await problemsOf(tokenless)).toContain("gitlab.webhook_token_file");
  expect(site.lines.filter((line) => line.startsWith("warn: GitLab's webhooks are not taken"))).toHaveLength(1);
  expect((await site.running.manager.pool("small")).machines.idle).toBe(1);
  await other.gitlab?.stop();
  await writeFile(join(tokenless.folder, "missing"), HOOK_TOKEN, { mode: 0o600 });
  for (const one of [site, tokenless]) {
    await until("it listens", 10_000, async () => {
      await one.clock.advance(60_000);
      return one.gitlab?.port();
    });
    expect((await send(one, pipelineHook(new TwoStages(1, 0).pipeline))).status).toBe(200);
    expect(await problemsOf(one)).toBe("");
  }
});

it("knows after a restart what it has learned before", async () => {
  const store = { ...createMemoryStore(), close: async () => undefined };
  await using first = await startHooked(store);
  await send(first, pipelineHook(new TwoStages(1, 0).become("success", "success", 0).pipeline));
  await first.running.handOver();
  await using second = await startHooked(store);

  expect((await send(second, pipelineHook(new TwoStages(2, 0).become("running", "created", 0).pipeline))).status).toBe(
    200,
  );

  expect((await second.running.manager.health()).gitlab).toMatchObject({ knownNames: 7, jobsToCome: TESTS });
});

it("counts no job that a runner has submitted among those to come, whatever GitLab has told of it", async () => {
  await using site = await startHooked();
  await send(site, pipelineHook(new TwoStages(1, 0).become("success", "success", 0).pipeline));
  await send(site, pipelineHook(new TwoStages(2, 0).become("running", "created", 0).pipeline));
  const { manager } = site.running;
  const jobsToCome = async () => (await manager.health()).gitlab?.jobsToCome;
  expect(await jobsToCome()).toBe(TESTS);

  await manager.submitJob(
    jobSpec({
      holder: "gitlab-runner 3 of gitlab.test, job 203",
      variables: {
        ...{ CI_PROJECT_ID: "7", CI_PIPELINE_ID: "2", CI_JOB_ID: "203", CI_JOB_NAME: "test 3/6", CI_JOB_STAGE: "test" },
      },
    }),
  );
  await manager.submitJob(jobSpec({ holder: "somebody" }));

  expect(await jobsToCome()).toBe(TESTS - 1);
});
