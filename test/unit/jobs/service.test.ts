import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/daemon/clock.ts";
import { systemRandom } from "../../../src/daemon/random.ts";
import {
  CapacityError,
  ConfigError,
  ConflictError,
  MachineLostError,
  NotFoundError,
  SystemError,
} from "../../../src/domain/errors.ts";
import type { JobId } from "../../../src/domain/ids.ts";
import { jobIdFrom, machineIdFrom } from "../../../src/domain/ids.ts";
import type { Job } from "../../../src/domain/job.ts";
import type { JobService } from "../../../src/jobs/service.ts";
import { createJobService } from "../../../src/jobs/service.ts";
import type { Clock } from "../../../src/ports/clock.ts";
import type { Store } from "../../../src/ports/store.ts";
import { createMemoryStore } from "../../../src/simulation/store.ts";
import { createJobLogs } from "../../../src/store/jobLogs.ts";
import type { FakeLeases } from "../../support/fakeLeases.ts";
import { createFakeLeases } from "../../support/fakeLeases.ts";
import { heldMachine, jobSpec, silentLogger } from "../../support/jobs.ts";
import type { LocalChannel } from "../../support/localChannel.ts";
import { openLocalChannel } from "../../support/localChannel.ts";

const never = new AbortController().signal;
const LONG_MS = 15_000;

let folder: string;
let channel: LocalChannel;
let leases: FakeLeases;
let store: Store;
let services: JobService[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mayfly-jobs-"));
  channel = openLocalChannel(folder);
  leases = createFakeLeases();
  store = createMemoryStore();
  services = [];
});

afterEach(async () => {
  await Promise.all(services.map((service) => service.close(AbortSignal.abort())));
  rmSync(folder, { recursive: true, force: true });
});

function createService(clock: Clock = systemClock): JobService {
  const service = createJobService({
    store,
    leases,
    logs: createJobLogs(join(folder, "logs")),
    archives: { open: () => Promise.reject(new NotFoundError("unknown-archive", "no such archive")) },
    clock,
    random: systemRandom,
    logger: silentLogger,
    jobTimeoutMs: (poolName) => (poolName === "small" ? 60_000 : undefined),
    folders: { builds: join(folder, "builds"), scratch: folder },
  });
  services.push(service);
  return service;
}

async function logOf(service: JobService, id: JobId, follow = false): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of service.log(id, 0, follow, never)) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Resolves once the job's log holds the text. */
async function seen(service: JobService, id: JobId, text: string): Promise<void> {
  let log = "";
  for await (const chunk of service.log(id, 0, true, never)) {
    log += String(Buffer.from(chunk));
    if (log.includes(text)) {
      return;
    }
  }
  throw new Error(`the log ended without "${text}": ${log}`);
}

const endOf = (job: Job): unknown => (job.state === "ended" ? job.end : job.state);

describe("a job's life", () => {
  it("is stored before submit resolves", async () => {
    const service = createService();
    const spec = jobSpec();

    const { id } = await service.submit(spec);

    expect(await store.job(id)).toMatchObject({ id, name: spec.name, state: "waiting" });
    expect(await store.jobSpec(id)).toEqual(spec);
    await service.cancel(id, true);
  });

  it("goes through queue, machine and release to its end", async () => {
    leases.grant(heldMachine(channel));
    const service = createService();
    const { id } = await service.submit(jobSpec({ script: ["echo hello"], echoCommands: true }));

    const job = await service.await(id, LONG_MS, never);

    expect(job).toMatchObject({ state: "ended", machineId: "machine-1", end: { result: "success", exitCode: 0 } });
    expect(Object.keys(job.phasesMs)).toEqual(["queued", "leased", "script", "released"]);
    expect(await store.job(id)).toEqual(job);
    expect(await logOf(service, id)).toContain("hello\n");
    expect(leases.requests).toMatchObject([{ poolName: "small", holder: "test", jobId: id }]);
    expect(leases.releases).toEqual([{ outcome: "released", detail: "its job ended: success" }]);
    expect((await store.eventsOf(id)).map(({ what }) => what)).toEqual([
      "job accepted",
      "job queued",
      "job part ended",
      "job started",
      "job part ended",
      "job part ended",
      "job part ended",
      "job ended",
    ]);
  });

  it("ends only when nothing is left of its machine", async () => {
    const gone = Promise.withResolvers<void>();
    leases.gone.promise = gone.promise;
    leases.grant(heldMachine(channel));
    const service = createService();
    const { id } = await service.submit(jobSpec({ script: ["echo hello"] }));
    await seen(service, id, "hello");

    expect(await service.await(id, 50, never)).toMatchObject({ state: "running" });

    gone.resolve();
    expect(await service.await(id, LONG_MS, never)).toMatchObject({ state: "ended" });
  });

  it("says in its log why it waits, whenever that changes", async () => {
    const service = createService();
    const { id } = await service.submit(jobSpec({ echoCommands: true }));
    const log = logOf(service, id, true);
    while (!leases.isAwaited()) {
      await new Promise((resolve) => setImmediate(resolve));
    }

    leases.wait("all 2 machines of pool small are leased");
    leases.wait("a machine boots");
    leases.grant(heldMachine(channel));

    expect(await log).toMatch(/: all 2 machines of pool small are leased\n.*: a machine boots\n/);
  });

  it("renews its lease, waiting and running, at a third of its time to live", async () => {
    leases = createFakeLeases(30);
    const service = createService();
    const { id } = await service.submit(jobSpec({ script: ["echo ready", "read -r x < fifo || true"] }));

    while (leases.renewals < 3) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await service.cancel(id, true);
    await service.await(id, LONG_MS, never);

    expect(leases.releases).toHaveLength(1);
  });

  it("is bounded by its own timeout and by the pool's", async () => {
    leases.grant(heldMachine(channel));
    const service = createService();
    const { id } = await service.submit(jobSpec({ script: ["sleep 300"], timeoutMs: 200 }));

    const job = await service.await(id, LONG_MS, never);

    expect(endOf(job)).toEqual({ result: "timeout", message: "execution took longer than 200ms" });
  });

  it("ends as a system failure when no machine can be had", async () => {
    leases.fail(new CapacityError("wait-timeout", "no machine within 1 h: all are leased"));
    const service = createService();
    const { id } = await service.submit(jobSpec());

    const job = await service.await(id, LONG_MS, never);

    expect(endOf(job)).toEqual({ result: "system-failure", message: "no machine within 1 h: all are leased" });
    expect(leases.releases).toHaveLength(1);
  });

  it("ends as lost with its machine", async () => {
    const lost = new AbortController();
    leases.grant(heldMachine(channel, { lost: lost.signal }));
    const service = createService();
    const { id } = await service.submit(jobSpec({ script: ["echo ready", "sleep 5"] }));
    await seen(service, id, "ready");

    lost.abort(new MachineLostError("instance-gone", "its process died"));
    const job = await service.await(id, LONG_MS, never);

    expect(endOf(job)).toEqual({ result: "machine-lost", message: "its process died; safe to retry" });
    expect(leases.releases).toMatchObject([{ outcome: "machine-lost" }]);
  });
});

describe("a job submitted with a key", () => {
  const key = "key-0123456789ab";
  const spec = jobSpec({ variables: { A: "a", B: "b" } });
  const sameSpec = jobSpec({ variables: { B: "b", A: "a" } });

  it("is the same job when it is submitted again: while it is accepted, while it waits, and when it has ended", async () => {
    const service = createService();
    const [first, meanwhile] = await Promise.all([service.submit(spec, key), service.submit(sameSpec, key)]);
    const waiting = await service.submit(sameSpec, key);

    leases.grant(heldMachine(channel));
    await service.await(first.id, LONG_MS, never);
    const ended = await service.submit(sameSpec, key);

    expect([meanwhile.id, waiting.id, ended.id]).toEqual([first.id, first.id, first.id]);
    expect(ended).toMatchObject({ state: "ended", end: { result: "success" } });
    expect(leases.requests).toHaveLength(1);
    expect(await store.recentJobs(10)).toHaveLength(1);
  });

  it("is known to the next manager, which goes on with it", async () => {
    const { id } = await createService().submit(spec, key);
    await services[0]?.handOver();
    const next = createService();
    await next.adopt(true);

    expect(await next.submit(spec, key)).toMatchObject({ id, state: "waiting" });
  });

  it("keeps its key when it is queued anew", async () => {
    const { id } = await createService().submit(spec, key);
    await services[0]?.handOver();
    const job = (await store.job(id)) as Job;
    await store.commit([{ kind: "job", job: { ...job, state: "running", machineId: machineIdFrom("m-1") } }]);
    const next = createService();
    await next.adopt(true);
    while ((await next.job(id)).state === "running") {
      await new Promise((resolve) => setImmediate(resolve));
    }

    expect(await next.submit(spec, key)).toMatchObject({ id });
  });

  it.each([
    ["another spec", jobSpec({ script: ["false"] }), key],
    ["another value", jobSpec({ variables: { A: "a", B: "c" } }), key],
  ])("is refused with %s under its key", async (_title, other, sameKey) => {
    const service = createService();
    await service.submit(spec, key);

    const again = service.submit(other, sameKey);

    await expect(again).rejects.toThrow(ConflictError);
    await expect(again).rejects.toMatchObject({ code: "request-key-reused" });
    expect(await store.openJobs()).toHaveLength(1);
  });

  it("is another job under another key, and without one", async () => {
    const service = createService();

    const ids = [
      service.submit(spec, key),
      service.submit(spec, `${key}x`),
      service.submit(spec),
      service.submit(spec),
    ];

    expect(new Set((await Promise.all(ids)).map(({ id }) => id)).size).toBe(4);
  });

  it("can be submitted again when the store refused it", async () => {
    const service = createService();
    const { commit } = store;
    store.commit = () => Promise.reject(new SystemError("store-io", "the disk is gone"));
    await expect(service.submit(spec, key)).rejects.toThrow("the disk is gone");
    store.commit = commit;

    const { id } = await service.submit(spec, key);

    expect(await store.job(id)).toMatchObject({ state: "waiting" });
  });
});

describe("cancelling", () => {
  it("ends a waiting job at once", async () => {
    const service = createService();
    const { id } = await service.submit(jobSpec());

    await service.cancel(id, false);
    const job = await service.await(id, LONG_MS, never);

    expect(endOf(job)).toMatchObject({ result: "cancelled" });
  });

  it("stops a running job and still runs its after_script", async () => {
    leases.grant(heldMachine(channel));
    const service = createService();
    const { id } = await service.submit(jobSpec({ script: ["echo ready", "sleep 300"], afterScript: ["echo after"] }));
    await seen(service, id, "ready");

    await service.cancel(id, false);
    const job = await service.await(id, LONG_MS, never);

    expect(endOf(job)).toMatchObject({ result: "cancelled" });
    expect(await logOf(service, id)).toContain("after");
    expect(leases.releases).toMatchObject([{ outcome: "cancelled" }]);
  });

  it("changes nothing of a job that has ended", async () => {
    leases.grant(heldMachine(channel));
    const service = createService();
    const { id } = await service.submit(jobSpec());
    const ended = await service.await(id, LONG_MS, never);

    expect(await service.cancel(id, true)).toEqual(ended);
  });
});

describe("the service", () => {
  it("knows no strangers", async () => {
    const service = createService();

    await expect(service.job(jobIdFrom("job-x"))).rejects.toThrow(NotFoundError);
    await expect(service.await(jobIdFrom("job-x"), 0, never)).rejects.toThrow(NotFoundError);
    await expect(service.cancel(jobIdFrom("job-x"), false)).rejects.toThrow(NotFoundError);
  });

  it("takes no job for a pool that is not there", async () => {
    await expect(createService().submit(jobSpec({ poolName: "large" }))).rejects.toThrow(ConfigError);
    expect(await store.openJobs()).toEqual([]);
  });

  it("tells every problem of a job at once, and no value of a variable", async () => {
    const spec = jobSpec({ script: ["a\0b"], variables: { "a-b": "x", SECRET: "s3cret\0" }, image: { name: "a b" } });

    const error = await createService()
      .submit(spec)
      .catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).problems.map(({ place }) => place)).toEqual([
      "script[0]",
      "variables",
      "variables.SECRET",
      "image",
    ]);
    expect((error as ConfigError).message).not.toContain("s3cret");
  });

  it.each([
    ["text that is not base64", "echo hello"],
    ["a NUL byte", btoa("a\0b")],
    ["more than 16 MiB", Buffer.alloc(16 * 1024 * 1024, "#").toString("base64")],
  ])("refuses a script in base64 that holds %s", async (_title, script) => {
    const service = createService();

    const submitted = service.submit(jobSpec({ script: [script], scriptEncoding: "base64" }));

    await expect(submitted).rejects.toThrow(ConfigError);
  });

  it("takes a script of 16 MiB and not a byte more", async () => {
    const service = createService();
    const { id } = await service.submit(jobSpec({ script: ["#".repeat(16 * 1024 * 1024 - 1)] }));
    await service.cancel(id, true);

    await expect(service.submit(jobSpec({ script: ["#".repeat(16 * 1024 * 1024)] }))).rejects.toThrow(ConfigError);
  });

  it("cancels all jobs when it closes, and takes no more", async () => {
    leases.grant(heldMachine(channel));
    const service = createService();
    const { id } = await service.submit(jobSpec({ script: ["echo ready", "sleep 300"] }));
    await seen(service, id, "ready");

    await service.close(never);

    expect(endOf(await service.job(id))).toEqual({
      result: "system-failure",
      message: "the manager stopped before the job had ended; it is safe to run this again",
    });
    await expect(service.submit(jobSpec())).rejects.toThrow(ConflictError);
  });

  it("ends the jobs that an earlier manager left open", async () => {
    const base = { name: "left", poolName: "small", holder: "test", createdAt: 1, phasesMs: {} };
    const machineId = machineIdFrom("machine-1");
    await store.commit([
      { kind: "job", job: { ...base, id: jobIdFrom("job-1"), state: "waiting" } },
      { kind: "job", job: { ...base, id: jobIdFrom("job-2"), state: "running", machineId, startedAt: 2 } },
    ]);

    await createService().adopt(false);

    expect(await store.openJobs()).toEqual([]);
    expect(endOf((await store.job(jobIdFrom("job-1"))) as Job)).toMatchObject({ result: "system-failure" });
    expect(endOf((await store.job(jobIdFrom("job-2"))) as Job)).toMatchObject({ result: "machine-lost" });
  });
});
