import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import type { Context } from "hono";
import { durationOf } from "./pipelineHooks.ts";
import type { GitlabJob, GitlabPipeline } from "./pipelineHooks.ts";
import { API_TOKEN } from "./site.ts";

export interface GitlabSchedule {
  readonly id: number;
  readonly ref: string;
  readonly nextRunAt: number;
  readonly isActive?: boolean;
  readonly lastPipelineId?: number | undefined;
}

/** The API of a GitLab for tests, on loopback, with one project: `group/project`, number 7. */
export interface RestGitlab extends AsyncDisposable {
  readonly url: string;
  /** What it has; the test changes them. */
  readonly pipelines: Map<number, GitlabPipeline>;
  readonly schedules: Map<number, GitlabSchedule>;
  /** Paths and queries that it was asked, in order, and how it answered. */
  readonly requests: { readonly path: string; readonly status: number }[];
  /** Answers all requests so from now on. @default as GitLab does */
  /** Beside the others of each answer. */
  headers?: Readonly<Record<string, string>>;
  failGraphql?: 200 | 500 | undefined;
  failWith: { readonly status: number; readonly headers?: Readonly<Record<string, string>> } | undefined;
}

/** @param now by its clock, for the `Date` of answers. */
export async function startRestGitlab(now: () => number): Promise<RestGitlab> {
  const pipelines = new Map<number, GitlabPipeline>();
  const schedules = new Map<number, GitlabSchedule>();
  const requests: { path: string; status: number }[] = [];
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    if (gitlab.failWith !== undefined) c.res = new Response("{}", gitlab.failWith);
    for (const [name, value] of Object.entries(gitlab.headers ?? {})) c.res.headers.set(name, value);
    c.res.headers.set("date", new Date(now()).toUTCString());
    const { pathname, search } = new URL(c.req.url);
    requests.push({ path: pathname + search, status: c.res.status });
  });
  app.post("/api/graphql", async (c) => {
    if (c.req.header("authorization") !== `Bearer ${API_TOKEN}`) return c.json({ message: "401 Unauthorized" }, 401);
    if (gitlab.failGraphql !== undefined) return c.json({ errors: [{ message: "odd" }] }, gitlab.failGraphql);
    const { variables } = (await c.req.json()) as { variables: { path: string; iid: string; after: string | null } };
    const pipeline = variables.path === "group/project" ? pipelines.get(Number(variables.iid)) : undefined;
    return c.json({
      data: { project: pipeline === undefined ? null : { pipeline: graphOf(pipeline, variables.after) } },
    });
  });
  app.use(async (c, next) =>
    c.req.header("private-token") === API_TOKEN ? next() : c.json({ message: "401 Unauthorized" }, 401),
  );
  const base = "/api/v4/projects/:project";
  app.use(`${base}/*`, async (c, next) =>
    ["group/project", "7"].includes(c.req.param("project"))
      ? next()
      : c.json({ message: "404 Project Not Found" }, 404),
  );
  app.get(`${base}/pipelines`, (c) => {
    const after = Date.parse(c.req.query("updated_after") ?? "");
    const changed = [...pipelines.values()].filter(({ updatedAt = 0 }) => Number.isNaN(after) || updatedAt > after);
    return page(
      c,
      changed.toSorted((a, b) => (b.updatedAt ?? 0) - (a.updatedAt ?? 0)).map((one) => listed(one, c)),
    );
  });
  app.get(`${base}/pipelines/:id/jobs`, (c) => {
    const pipeline = pipelines.get(Number(c.req.param("id")));
    if (pipeline === undefined) return c.json({ message: "404 Not Found" }, 404);
    return page(
      c,
      pipeline.jobs.toSorted((a, b) => b.id - a.id).map((job) => jobOf(pipeline, job, now())),
    );
  });
  app.get(`${base}/pipeline_schedules`, (c) => page(c, [...schedules.values()].map(scheduleOf)));
  app.get(`${base}/pipelines/:id`, (c) => {
    const pipeline = pipelines.get(Number(c.req.param("id")));
    return pipeline === undefined ? c.json({ message: "404 Not Found" }, 404) : c.json(listed(pipeline, c));
  });
  app.get(`${base}/pipeline_schedules/:id`, (c) => {
    const schedule = schedules.get(Number(c.req.param("id")));
    if (schedule === undefined) return c.json({ message: "404 Pipeline Schedule Not Found" }, 404);
    const last = pipelines.get(schedule.lastPipelineId ?? 0);
    const lastPipeline = last && { id: last.id, sha: "a".repeat(40), ref: schedule.ref, status: last.status };
    return c.json({ ...scheduleOf(schedule), last_pipeline: lastPipeline ?? null, variables: [], inputs: [] });
  });
  const server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false })).listen(0, "127.0.0.1");
  await once(server, "listening");
  const gitlab: RestGitlab = {
    ...{ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, pipelines, schedules, requests },
    failWith: undefined,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return gitlab;
}

/** Source: https://docs.gitlab.com/api/rest/#offset-based-pagination. */
function page(c: Context, all: readonly object[]): Response {
  const [size, number] = [Number(c.req.query("per_page") ?? 20), Number(c.req.query("page") ?? 1)];
  const nextPage = all.length > number * size ? `${number + 1}` : "";
  return c.json(all.slice((number - 1) * size, number * size), 200, { "x-next-page": nextPage, "x-page": `${number}` });
}

const iso = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString());

const listed = (
  { id, projectId, status = "running", source = "push", ref = "main", ...at }: GitlabPipeline,
  c: Context,
) => ({
  ...{ id, iid: id, project_id: projectId, sha: "a".repeat(40), ref, status, source, name: null },
  ...{
    created_at: iso(at.createdAt ?? 0),
    updated_at: iso(at.updatedAt ?? 0),
    web_url: `${new URL(c.req.url).origin}/group/project/-/pipelines/${id}`,
  },
});

/** Source: app/graphql/types/ci/job_type.rb of GitLab 18; two jobs a page. */
function graphOf({ jobs }: GitlabPipeline, after: string | null): object {
  const from = Number(after ?? 0);
  const nodes = jobs.slice(from, from + 2).map(({ name, needs, when }) => ({
    ...{ name, schedulingType: needs === undefined ? "stage" : "dag", manualJob: when === "manual" },
    needs: { nodes: (needs ?? []).map((needed) => ({ name: needed })) },
  }));
  return { jobs: { nodes, pageInfo: { hasNextPage: from + 2 < jobs.length, endCursor: `${from + 2}` } } };
}

const jobOf = (pipeline: GitlabPipeline, job: GitlabJob, now: number) => ({
  ...{ id: job.id, name: job.name, stage: job.stage, status: job.status ?? "created", ref: pipeline.ref ?? "main" },
  ...{ created_at: iso(pipeline.createdAt ?? 0), started_at: iso(job.startedAt), finished_at: iso(job.finishedAt) },
  ...{ duration: durationOf(job, now), queued_duration: 0.5, allow_failure: job.allowFailure ?? false, coverage: null },
  ...{ tag: false, tag_list: job.tags ?? [], web_url: `https://gitlab.test/-/jobs/${job.id}`, erased_at: null },
  ...{ artifacts: [], user: { id: 1, username: "root" }, commit: { id: "a".repeat(40) } },
  runner: job.runner === undefined ? null : { id: job.runner.id, description: "a runner", active: true },
  pipeline: { id: pipeline.id, project_id: pipeline.projectId, ref: pipeline.ref ?? "main", status: pipeline.status },
});

const scheduleOf = ({ id, ref, nextRunAt, isActive = true }: GitlabSchedule) => ({
  ...{ id, description: "nightly", ref, cron: "0 3 * * *", cron_timezone: "UTC", next_run_at: iso(nextRunAt) },
  ...{ active: isActive, created_at: iso(0), updated_at: iso(0), owner: { id: 1, username: "root" } },
});
