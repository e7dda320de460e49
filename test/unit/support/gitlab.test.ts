import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startCoordinator } from "../../support/gitlab/coordinator.ts";
import type { Coordinator } from "../../support/gitlab/coordinator.ts";
import type { CoordinatedJob } from "../../support/gitlab/job.ts";
import { RUNNER_TOKEN } from "../../support/gitlab/queue.ts";
import { until } from "../../support/until.ts";

// The coordinator is what a real gitlab-runner is driven against: it must refuse what GitLab refuses.

const run = promisify(execFile);
const INFO = { name: "gitlab-runner", version: "19.4.0", features: { cancel_gracefully: true } };

let gitlab: Coordinator;

beforeEach(async () => {
  gitlab = await startCoordinator({ longPollMs: 300 });
});
afterEach(() => gitlab[Symbol.asyncDispose]());

interface Payload {
  readonly id: number;
  readonly token: string;
  readonly steps: readonly object[];
  readonly git_info: { readonly repo_url: string; readonly sha: string; readonly refspecs: readonly string[] };
}

const send = (method: string, path: string, body: unknown, headers = {}): Promise<Response> =>
  fetch(`${gitlab.url}/api/v4/${path}`, {
    method,
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
const requestJob = (body = {}, token = RUNNER_TOKEN): Promise<Response> =>
  send("POST", "jobs/request", { info: INFO, token, system_id: "s_1", ...body });
const patch = (job: CoordinatedJob, range: string, text: string, token = job.token): Promise<Response> =>
  fetch(`${gitlab.url}/api/v4/jobs/${job.id}/trace?debug_trace=false`, {
    method: "PATCH",
    headers: { "content-type": "text/plain", "content-range": range, "job-token": token },
    body: text,
  });
const update = (job: CoordinatedJob, state: string, more = {}): Promise<Response> =>
  send("PUT", `jobs/${job.id}`, { info: INFO, token: job.token, state, ...more });
const summaryOf = (text: string): object => ({
  output: { checksum: `crc32:${crc32(text).toString(16).padStart(8, "0")}`, bytesize: Buffer.byteLength(text) },
});

describe("a runner", () => {
  it("is verified by its token alone", async () => {
    const known = await send("POST", "runners/verify", { info: INFO, token: RUNNER_TOKEN });
    const unknown = await send("POST", "runners/verify", { info: INFO, token: "glrt-another" });

    expect([known.status, await known.json()]).toEqual([200, { id: 1, token: RUNNER_TOKEN, token_expires_at: null }]);
    expect(unknown.status).toBe(403);
    expect((await requestJob({}, "glrt-another")).status).toBe(403);
  });

  it("gets each job once, in order, and 204 when there is none", async () => {
    const [first, second] = [gitlab.add({ script: ["one"] }), gitlab.add({ script: ["two"], image: "busybox" })];

    const got = [(await (await requestJob()).json()) as Payload, (await (await requestJob()).json()) as Payload];
    const none = await requestJob();

    expect(got.map(({ id, token }) => [id, token])).toEqual([first, second].map(({ id, token }) => [id, token]));
    expect(got[1]).toMatchObject({ image: { name: "busybox" }, steps: [{ name: "script", script: ["two"] }] });
    expect([none.status, none.headers.get("x-gitlab-last-update")]).toEqual([204, expect.any(String)]);
  });

  it("is held while the queue is as it knew it, until a job comes", async () => {
    const known = (await requestJob()).headers.get("x-gitlab-last-update");
    const began = performance.now();

    const nothing = await requestJob({ last_update: known });
    const heldMs = performance.now() - began;
    const waiting = requestJob({ last_update: known });
    gitlab.add({ script: ["true"] });

    expect([nothing.status, heldMs > 250]).toEqual([204, true]);
    expect((await waiting).status).toBe(201);
  });
});

describe("a runner that goes away while it is held", () => {
  it("gets no job: the next one that asks does", async () => {
    const known = (await requestJob()).headers.get("x-gitlab-last-update");
    const leaving = new AbortController();
    const body = JSON.stringify({ info: INFO, token: RUNNER_TOKEN, last_update: known });
    const headers = { "content-type": "application/json" };
    const gone = fetch(`${gitlab.url}/api/v4/jobs/request`, { method: "POST", headers, body, signal: leaving.signal });
    await until("it is held", 10_000, async () => gitlab.requests.length === 2);

    leaving.abort();
    await expect(gone).rejects.toThrow("aborted");
    await sleep(50);
    gitlab.add({ script: ["true"] });

    expect((await requestJob({ last_update: known })).status).toBe(201);
  });
});

describe("a job's trace", () => {
  let job: CoordinatedJob;
  beforeEach(async () => {
    job = gitlab.add({ script: ["true"] });
    await requestJob();
  });

  it("grows by what begins where it ends, and says from where to go on else", async () => {
    const first = await patch(job, "0-4", "hello");
    const gap = await patch(job, "9-11", "gap");
    const again = await patch(job, "0-4", "hello");
    const next = await patch(job, "5-10", " world");

    expect([first.status, gap.status, again.status, next.status]).toEqual([202, 416, 416, 202]);
    expect([gap.headers.get("range"), next.headers.get("range")]).toEqual(["0-5", "0-11"]);
    expect([next.headers.get("job-status"), job.trace.toString()]).toEqual(["running", "hello world"]);
  });

  it("takes no bytes that its range does not speak of, nor from strangers", async () => {
    expect((await patch(job, "0-9", "short")).status).toBe(416);
    expect((await patch(job, "", "none")).status).toBe(400);
    expect((await patch(job, "0-4", "hello", "another token")).status).toBe(403);
    expect(job.trace.length).toBe(0);
  });

  it("is whole before the job ends: 202 while some is missing, 412 when it is another, 200 at last", async () => {
    await patch(job, "0-4", "hello");

    const early = await update(job, "success", { exit_code: 0, ...summaryOf("hello world") });
    await patch(job, "5-10", " wurld");
    const wrong = await update(job, "success", { exit_code: 0, ...summaryOf("hello world") });
    await patch(job, "0-10", "hello world");
    const right = await update(job, "success", { exit_code: 0, ...summaryOf("hello world") });

    expect([early.status, wrong.status, right.status]).toEqual([202, 412, 200]);
    expect(await job.ended.promise).toEqual({
      ...{ state: "success", exitCode: 0, failureReason: undefined, trace: "hello world" },
    });
  });
});

describe("a job", () => {
  it("ends once, as its runner says", async () => {
    const job = gitlab.add({ script: ["false"] });
    await requestJob();

    await update(job, "running");
    await update(job, "failed", { exit_code: 7, failure_reason: "script_failure" });
    await update(job, "success");

    expect(await job.ended.promise).toMatchObject({ state: "failed", exitCode: 7, failureReason: "script_failure" });
    expect((await patch(job, "0-0", "x")).status).toBe(403);
  });

  it("is cancelled gracefully by a header, and ends as canceled whatever its runner says", async () => {
    const job = gitlab.add({ script: ["sleep 60"] });
    await requestJob();

    gitlab.cancel(job, "gracefully");
    const told = await update(job, "running");
    await update(job, "failed", { failure_reason: "job_canceled" });

    expect([told.status, told.headers.get("job-status")]).toEqual([200, "canceling"]);
    expect(await job.ended.promise).toMatchObject({ state: "canceled" });
  });

  it("that is cancelled at once is refused from then on", async () => {
    const job = gitlab.add({ script: ["sleep 60"] });
    await requestJob();

    gitlab.cancel(job, "at-once");
    const [updated, patched] = [await update(job, "running"), await patch(job, "0-0", "x")];

    expect([updated.status, patched.status, patched.headers.get("job-status")]).toEqual([403, 403, "canceled"]);
  });

  it("hands its artifacts to a job that needs them, by the token of the first", async () => {
    const job = gitlab.add({ script: ["true"], artifacts: ["out"] });
    const form = new FormData();
    form.append("file", new Blob(["a zip, perhaps"]), "artifacts.zip");
    const path = `${gitlab.url}/api/v4/jobs/${job.id}/artifacts`;

    const before = await fetch(path, { headers: { "job-token": job.token } });
    const sent = await fetch(path, { method: "POST", headers: { "job-token": job.token }, body: form });
    gitlab.add({ script: ["true"], needs: [job] });
    await requestJob();
    const payload = (await (await requestJob()).json()) as object;
    const got = await fetch(`${path}?direct_download=true`, { headers: { "job-token": job.token } });

    expect([before.status, sent.status, await got.text()]).toEqual([404, 201, "a zip, perhaps"]);
    expect(payload).toMatchObject({
      dependencies: [{ id: job.id, token: job.token, artifacts_file: { filename: "artifacts.zip", size: 14 } }],
    });
  });
});

describe("the repository", () => {
  it("is fetched as runners do it, shallow, with the token of a running job and no other", async () => {
    gitlab.add({ script: ["true"] });
    const { git_info } = (await (await requestJob()).json()) as Payload;
    const folder = await mkdtemp(join(tmpdir(), "mayfly-clone-"));
    const git = (...args: readonly string[]) =>
      run("git", ["-C", folder, ...args], { env: { ...process.env, GIT_TERMINAL_PROMPT: "0" } });

    try {
      await git("init", "--quiet");
      await git("fetch", "--quiet", "--depth=1", git_info.repo_url, ...git_info.refspecs);
      await git("checkout", "--quiet", git_info.sha);

      expect(await readFile(join(folder, "README.md"), "utf8")).toBe("A project.\n");
      const anonymous = git("fetch", "--quiet", `${gitlab.url}/group/project.git`);
      await expect(anonymous).rejects.toThrow(/could not read Username|Authentication failed/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
