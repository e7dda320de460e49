import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { createCoordinatorApp } from "./app.ts";
import type { SeenRequest } from "./app.ts";
import { createQueue } from "./queue.ts";
import { createJob, endJob, isOpen } from "./job.ts";
import type { CoordinatedJob, JobOrder } from "./job.ts";
import { createRepository } from "./repository.ts";

export interface CoordinatorOptions {
  /** Under which address of this host a job reaches it. @default 127.0.0.1 */
  readonly jobHost?: string;
  /** A folder whose files are in the repository. */
  readonly source?: string;
  /** How long a request for a job stays open while there is none, in milliseconds. @default 0 */
  readonly longPollMs?: number;
}

/** A small GitLab for tests, on loopback: the runner API of GitLab 19 for one runner and one project, with its repository. */
export interface Coordinator extends AsyncDisposable {
  /** What a runner's `url` is. */
  readonly url: string;
  /** The same for jobs. */
  readonly jobUrl: string;
  readonly sha: string;
  /** The requests of runners, in order. */
  readonly requests: readonly SeenRequest[];
  /** Puts a job in the queue. */
  add(order: JobOrder): CoordinatedJob;
  /** Cancels a job: gracefully, so that its runner stops the script and runs the after_script, or at once. */
  cancel(job: CoordinatedJob, how: "gracefully" | "at-once"): void;
}

/** Starts a coordinator. */
export async function startCoordinator(options: CoordinatorOptions = {}): Promise<Coordinator> {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-gitlab-"));
  const repository = await createRepository(folder, options.source);
  const jobs: CoordinatedJob[] = [];
  const requests: SeenRequest[] = [];
  const queue = createQueue();
  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  // A name, not an address: a job's machine can have a second address for it, by which it finds this host.
  const url = `http://localhost:${port}`;
  const jobUrl = `http://${options.jobHost ?? "127.0.0.1"}:${port}`;
  const { longPollMs = 0 } = options;
  const app = createCoordinatorApp({ jobs, repository, requests, queue, jobUrl, longPollMs });

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    const { method = "GET" } = incoming;
    const headers = Object.entries(incoming.headers).map(([name, value]): [string, string] => [name, String(value)]);
    const hasBody = method !== "GET" && method !== "HEAD";
    const gone = new AbortController();
    outgoing.once("close", () => gone.abort());
    const { signal } = gone;
    const response = await app.request(`${url}${incoming.url}`, {
      ...{ method, headers, signal },
      ...(hasBody ? { body } : {}),
    });
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    outgoing.end(Buffer.from(await response.arrayBuffer()));
  }

  return {
    ...{ url, jobUrl, requests, sha: repository.sha },
    add(order) {
      const job = createJob(jobs.length + 1, order);
      jobs.push(job);
      queue.change();
      return job;
    },
    cancel(job, how) {
      if (!isOpen(job)) return;
      if (how === "gracefully" && job.state === "running") job.state = "canceling";
      else endJob(job, "canceled");
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      await rm(folder, { recursive: true, force: true });
    },
  };
}
