import { setTimeout as sleep } from "node:timers/promises";
import { Hono } from "hono";
import type { Context } from "hono";
import { endJob, isOpen } from "./job.ts";
import type { CoordinatedJob } from "./job.ts";
import { payloadOf } from "./payload.ts";
import { RUNNER_TOKEN } from "./queue.ts";
import type { Queue } from "./queue.ts";
import { serveGit } from "./repository.ts";
import type { Repository } from "./repository.ts";
import { checkTrace, patchTrace, updateHeadersOf } from "./trace.ts";
import type { TraceSummary } from "./trace.ts";

/** A request as a runner sent it; tokens are left out. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

export interface CoordinatorParts {
  readonly jobs: readonly CoordinatedJob[];
  readonly repository: Repository;
  readonly requests: SeenRequest[];
  readonly queue: Queue;
  /** How jobs reach this server. */
  readonly jobUrl: string;
  readonly longPollMs: number;
}

interface JobUpdate {
  readonly token?: string;
  readonly state?: string;
  readonly exit_code?: number;
  readonly failure_reason?: string;
  readonly output?: TraceSummary;
}

/** Joins the routes of the runner API, and those of git, to the jobs. */
export function createCoordinatorApp(parts: CoordinatorParts): Hono {
  const app = new Hono();
  app.use("/api/*", async (c, next) => {
    const text = c.req.header("content-type")?.startsWith("application/json") === true ? await c.req.text() : "";
    const { token: _, ...body } = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
    parts.requests.push({ method: c.req.method, path: c.req.path, body });
    await next();
  });
  serveRunner(app, parts);
  serveJob(app, parts);
  serveArtifacts(app, parts);
  serveRepository(app, parts);
  return app;
}

function serveRunner(app: Hono, parts: CoordinatorParts): void {
  const isRunner = async (c: Context): Promise<boolean> =>
    ((await c.req.json()) as { token?: string }).token === RUNNER_TOKEN;
  app.post("/api/v4/runners/verify", async (c) =>
    (await isRunner(c)) ? c.json({ id: 1, token: RUNNER_TOKEN, token_expires_at: null }) : c.body(null, 403),
  );
  app.get("/api/v4/runners/router/discovery", (c) => c.body(null, 501));
  app.post("/api/v4/jobs/request", async (c) => {
    if (!(await isRunner(c))) return c.body(null, 403);
    const { last_update: known } = (await c.req.json()) as { last_update?: string };
    const pending = (): CoordinatedJob | undefined => parts.jobs.find(({ state }) => state === "pending");
    // A runner whose queue is as it knew it is held, and told to come again.
    if (pending() === undefined && known === parts.queue.value) {
      await Promise.race([parts.queue.changed, sleep(parts.longPollMs, undefined, { ref: false })]);
    }
    // A runner that has gone away meanwhile would never be heard of again with its job.
    const job = c.req.raw.signal.aborted ? undefined : pending();
    if (job === undefined) return c.body(null, 204, { "X-GitLab-Last-Update": parts.queue.value });
    job.state = "running";
    const sources = { repoUrl: `${parts.jobUrl}/group/project.git`, sha: parts.repository.sha };
    return c.json(payloadOf(job, parts.jobUrl, sources), 201);
  });
}

/** Finds the job that a request is about and may speak of. @param token that came in the body, where it does. */
function jobOf(c: Context, { jobs }: CoordinatorParts, token?: string): CoordinatedJob | 404 | 403 {
  const job = jobs.find(({ id }) => id === Number(c.req.param("id")));
  if (job === undefined) return 404;
  return [token, c.req.header("job-token")].includes(job.token) ? job : 403;
}

function serveJob(app: Hono, parts: CoordinatorParts): void {
  app.put("/api/v4/jobs/:id", async (c) => {
    const update = (await c.req.json()) as JobUpdate;
    const job = jobOf(c, parts, update.token);
    if (typeof job === "number") return c.body(null, job);
    if (job.state === "canceled") return c.body(null, 403, updateHeadersOf(job));
    if (update.state !== "success" && update.state !== "failed") return c.json(200, 200, updateHeadersOf(job));
    const status = checkTrace(job, update.output ?? {});
    const headers = updateHeadersOf(job);
    const state = job.state === "canceling" ? "canceled" : update.state;
    if (status === 200) endJob(job, state, update.exit_code, update.failure_reason);
    return c.body(null, status, headers);
  });
  app.patch("/api/v4/jobs/:id/trace", async (c) => {
    const job = jobOf(c, parts);
    if (typeof job === "number") return c.body(null, job);
    if (!isOpen(job)) return c.body(null, 403, updateHeadersOf(job));
    const bytes = Buffer.from(await c.req.arrayBuffer());
    const { status, headers } = patchTrace(job, c.req.header("content-range"), bytes);
    return new Response(null, { status, headers });
  });
}

function serveArtifacts(app: Hono, parts: CoordinatorParts): void {
  app.post("/api/v4/jobs/:id/artifacts", async (c) => {
    const job = jobOf(c, parts);
    if (typeof job === "number") return c.body(null, job);
    const { file } = await c.req.parseBody();
    if (!(file instanceof File)) return c.json({ error: "file is missing" }, 400);
    job.archive = { name: file.name, bytes: Buffer.from(await file.arrayBuffer()) };
    return c.json({}, 201);
  });
  app.get("/api/v4/jobs/:id/artifacts", (c) => {
    const job = jobOf(c, parts);
    if (typeof job === "number") return c.body(null, job);
    if (job.archive === undefined) return c.body(null, 404);
    return c.body(new Uint8Array(job.archive.bytes), 200, { "content-type": "application/octet-stream" });
  });
}

function serveRepository(app: Hono, { jobs, repository }: CoordinatorParts): void {
  app.all("/group/project.git/*", async (c) => {
    const url = new URL(c.req.url);
    const [, password = ""] = Buffer.from(c.req.header("authorization")?.replace("Basic ", "") ?? "", "base64")
      .toString()
      .split(":");
    // GitLab shows a private project to nobody else than the tokens of its running jobs.
    if (!jobs.some((job) => job.token === password && isOpen(job))) {
      return c.body(null, 401, { "www-authenticate": 'Basic realm="GitLab"' });
    }
    return serveGit(repository, {
      ...{ method: c.req.method, path: url.pathname, query: url.search.slice(1), headers: c.req.raw.headers },
      body: Buffer.from(await c.req.arrayBuffer()),
    });
  });
}
