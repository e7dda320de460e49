import { describe, expect, it } from "vitest";
import {
  CapacityError,
  ConfigError,
  ConflictError,
  JobError,
  MachineError,
  MachineLostError,
  NotFoundError,
  SystemError,
  TransientError,
} from "../../../src/domain/errors.ts";
import { jobIdFrom, leaseIdFrom, machineIdFrom } from "../../../src/domain/ids.ts";
import type { Job } from "../../../src/domain/job.ts";
import type { Lease } from "../../../src/domain/lease.ts";
import { terminatedFrom, terminatingFrom } from "../../../src/domain/moves.ts";
import type { Announcement } from "../../../src/ports/announce.ts";
import type { JobWhy, PoolShadows, PoolWhy } from "../../../src/ports/explain.ts";
import type { LeaseRequest } from "../../../src/ports/leases.ts";
import type { InstanceView, Manager, PoolView } from "../../../src/ports/manager.ts";
import type { TimelineEvent } from "../../../src/ports/store.ts";
import { health as healthWith } from "../../support/health.ts";
import { jobSpec, silentLogger } from "../../support/jobs.ts";
import {
  bootingMachine,
  idleMachine,
  leasedMachine,
  requestedMachine,
  startingMachine,
  stoppedMachine,
  stoppingMachine,
  terminatingMachine,
} from "../../support/machines.ts";
import { serveManager } from "../../support/manager.ts";
import { pool as desiredPool } from "../../support/pools.ts";
import { endedJob, endedLease, waitingJob, waitingLease } from "../../support/records.ts";

type Call = readonly unknown[];

/** Serves one method that records its arguments; answers what the client got and what the manager was asked. */
async function roundTrip<Name extends keyof Manager>(
  name: Name,
  answer: unknown,
  ask: (client: Manager) => Promise<unknown>,
): Promise<{ readonly got: unknown; readonly asked: Call }> {
  let asked: Call = [];
  const method = async (...args: unknown[]): Promise<unknown> => {
    asked = args.filter((arg) => !(arg instanceof AbortSignal));
    return answer;
  };
  await using served = await serveManager({ [name]: method });
  return { got: await ask(served.client), asked };
}

const never = new AbortController().signal;
const machineId = machineIdFrom("m 1/ä");
const leaseId = leaseIdFrom("l-1");
const jobId = jobIdFrom("j-1");

const health = healthWith({
  status: "degraded",
  problems: ["pool small cannot launch: no image"],
  storeProblem: { text: "no space left", since: 7 },
  disks: [{ what: "state directory", path: "/var/lib/mayfly", freeBytes: 12, totalBytes: 34 }],
  pools: [
    { name: "small", mode: "open", launchProblem: "no image", refusals: 3, launchesPausedUntil: 9 },
    { name: "large", mode: "cordoned", steeredBy: "all", refusals: 0 },
  ],
});
const instances: InstanceView[] = [
  {
    ...{ driver: "qemu", providerId: "i-1", machineId, poolName: "small", launchedAt: 5, state: "running" },
    ...{ verdict: "stranger", what: "no record knows it", outcome: "ended" },
  },
  { driver: "qemu", providerId: "i-2", machineId, poolName: "small", verdict: "missing", what: "booting" },
];
const pool: PoolView = {
  desired: desiredPool({
    guest: { user: "runner", docker: "dind", registryMirror: "http://10.0.2.2:5000", dataRoot: "/d" },
    cost: { usdPerHour: 0.02, usdPerGiBMonth: 0.08, usdPerHourByType: { "m7i.large": 0.1 } },
  }),
  mode: "cordoned",
  steeredBy: "pool",
  isCordoned: true,
  machines: {
    ...{ requested: 1, booting: 2, idle: 3, stopping: 7, stopped: 8, starting: 9 },
    ...{ leased: 4, terminating: 5, terminated: 6 },
  },
  waitingLeases: 2,
  why: "at its limit",
};
const paid = {
  price: { usdPerHour: 0.1, source: "the configuration" },
  costUsd: 0.02,
  runningSince: 6,
  hostKey: "ssh-ed25519 A",
  origin: "restored" as const,
};
const terminating = terminatingFrom({ ...idleMachine(), ...paid }, "host-key-changed", "it showed another key", 7);
if (terminating.state !== "terminating") throw new Error("unreachable");
const machines = [
  requestedMachine(),
  bootingMachine(),
  { ...idleMachine(), ...paid },
  stoppingMachine(),
  stoppedMachine(),
  { ...startingMachine(), spentUsd: 0.01, price: { ...paid.price, diskUsdPerHour: 0.01 } },
  leasedMachine(),
  terminatingFrom(stoppedMachine(), "surplus-stopped", "2 stopped, stopped_count is 1", 7),
  terminatingMachine(),
  terminatedFrom(terminating, 8, 0.03),
];
const held: Lease = {
  ...waitingLease("l-2"),
  state: "held",
  machineId: machineIdFrom("m-1"),
  heldSince: 3,
  jobId,
};
const leaseViews = [
  { lease: waitingLease("l-1"), why: "all 2 machines are leased" },
  { lease: held },
  { lease: endedLease("l-3") },
];
const request: LeaseRequest = {
  poolName: "small",
  holder: "docker-machine",
  ttlMs: 5_000,
  waitTimeoutMs: 1,
  priority: -3,
  jobId,
};
const spec = jobSpec({
  image: { name: "busybox", entrypoint: [""], user: "1000", pullPolicy: ["always", "never"] },
  services: [
    {
      name: "nginx",
      aliases: ["web"],
      variables: { A: "é\n" },
      command: ["nginx"],
      entrypoint: [],
      pullPolicy: ["never"],
    },
  ],
  variables: { EMPTY: "", LINES: "a\nb\u0001" },
  scriptEncoding: "base64",
  timeoutMs: 1,
  archiveId: "abc",
  waitTimeoutMs: 2,
});
const base: Job = { ...waitingJob("j-1"), leaseId, machineId, startedAt: 4 };
const ends = [
  endedJob("j-2").end,
  { result: "failed", exitCode: 3, message: "m" },
  { result: "timeout", message: "m" },
  { result: "cancelled", message: "m" },
  { result: "machine-lost", message: "m" },
  { result: "system-failure", message: "m" },
] as const;
const phasesMs = { queued: 1, leased: 2, pulled: 3, services: 4, script: 5, after: 6, released: 7 };
const jobs: Job[] = [
  base,
  { ...base, state: "running" },
  ...ends.map((end) => ({ ...endedJob("j-2"), end, phasesMs })),
];
const poolWhy: PoolWhy = {
  ...{ poolName: "small", why: "because", policy: "target", level: 2, bootMs: 60_000, bootsMeasured: 3, jobsSeen: 4 },
  budget: "budget_per_day ($5.00)",
  promise: { waitMs: 5_000, share: 0.95, jobs: 3, attainedShare: 0.9, limitedJobs: 1, priceFactor: 1.1 },
  changes: [{ at: 1, level: 2, binding: "hold", why: "because", asked: 1, window: { p50: 0, p95: 1, p99: 2 } }],
};
const figures = {
  ...{ jobs: 9, served: 8, shareInTime: 0.5, meanWaitMs: 1_000, longestWaitMs: 2_000, idleHours: 1 },
  ...{ bootingHours: 0.5, busyHours: 3, stoppedHours: 6, launches: 4, unused: 1, costUsd: 0.45 },
};
const compared = { from: 1, to: 2, shadow: figures, acting: figures, savedMs: 3, addedMs: 4 };
const poolShadows: PoolShadows = {
  ...{ poolName: "small", policy: "static", level: 1 },
  shadows: [
    {
      ...{ name: "three", policy: "target", startedAt: 1, level: 3, why: "because", idle: 1, booting: 1, leased: 1 },
      ...{ stopped: 2, waiting: 0, aimMs: 5_000, total: compared, problem: "it failed" },
      periods: [{ ...compared, levels: [{ at: 1, level: 3 }], actingLevels: [{ at: 1, level: 1 }] }],
    },
  ],
};
const announcement: Announcement = {
  jobs: [{ poolName: "small", count: 3, chance: 0.9, readyAt: [1, 2] }],
  ...{ begun: [{ poolName: "small", count: 1 }], ttlMs: 60_000 },
};
const jobWhy: JobWhy = {
  ...{ jobId, waitedMs: 9_000, parts: { boot: 8_000, "growth-limit": 1_000 }, why: "it waited" },
  oneMore: { savedMs: 8_000, costUsd: 0.004 },
};
const events: TimelineEvent[] = [
  { at: 1, jobId, leaseId, machineId, poolName: "small", what: "job accepted", detail: "" },
];

describe("a manager behind the API", () => {
  it.each<[keyof Manager, unknown, (client: Manager) => Promise<unknown>, Call]>([
    ["health", health, (client) => client.health(), []],
    ["pools", [pool], (client) => client.pools(), []],
    ["pool", pool, (client) => client.pool("a b"), ["a b"]],
    ["cordonPool", pool, (client) => client.cordonPool("small"), ["small"]],
    ["drainPool", pool, (client) => client.drainPool("small"), ["small"]],
    ["resumePool", pool, (client) => client.resumePool("small"), ["small"]],
    ["cordonAll", [pool], (client) => client.cordonAll(), []],
    ["drainAll", [pool], (client) => client.drainAll(), []],
    ["resumeAll", [pool], (client) => client.resumeAll(), []],
    ["machines", machines, (client) => client.machines(true), [true]],
    ["machines", [], (client) => client.machines(false), [false]],
    ["machine", machines[3], (client) => client.machine(machineId), [machineId]],
    ["auditInstances", instances, (client) => client.auditInstances(never), []],
    ["reapStrangers", instances, (client) => client.reapStrangers(never), []],
    ["terminateMachine", machines[4], (client) => client.terminateMachine(machineId), [machineId]],
    ["acquireLease", leaseViews[0], (client) => client.acquireLease(request), [request, undefined]],
    ["acquireLease", leaseViews[0], (client) => client.acquireLease(request, "key-1234"), [request, "key-1234"]],
    ["leases", leaseViews, (client) => client.leases(true), [true]],
    ["awaitLease", leaseViews[1], (client) => client.awaitLease(leaseId, 9, "a & b", never), [leaseId, 9, "a & b"]],
    ["awaitLease", leaseViews[1], (client) => client.awaitLease(leaseId, 9, undefined, never), [leaseId, 9, undefined]],
    ["renewLease", leaseViews[1], (client) => client.renewLease(leaseId), [leaseId]],
    ["releaseLease", leaseViews[2], (client) => client.releaseLease(leaseId), [leaseId]],
    ["submitJob", jobs[0], (client) => client.submitJob(spec), [spec, undefined]],
    ["submitJob", jobs[0], (client) => client.submitJob(spec, "key-1234"), [spec, "key-1234"]],
    ["jobs", jobs, (client) => client.jobs(true), [true]],
    ["job", jobs[1], (client) => client.job(jobId), [jobId]],
    ["awaitJob", jobs[2], (client) => client.awaitJob(jobId, 30_000, never), [jobId, 30_000]],
    ["cancelJob", jobs[0], (client) => client.cancelJob(jobId, true), [jobId, true]],
    ["jobEvents", events, (client) => client.jobEvents(jobId), [jobId]],
    ["jobWhy", jobWhy, (client) => client.jobWhy(jobId), [jobId]],
    [
      "announcePipeline",
      { id: "p-1" },
      (client) => client.announcePipeline("p-1", announcement),
      ["p-1", announcement],
    ],
    ["poolShadows", poolShadows, (client) => client.poolShadows("small"), ["small"]],
    ["poolWhy", poolWhy, (client) => client.poolWhy("small"), ["small"]],
  ])("answers %s as one in this process", async (name, answer, ask, asked) => {
    const trip = await roundTrip(name, answer, ask);

    expect(trip.got).toEqual(answer);
    expect(trip.asked).toEqual(asked);
  });

  it.each([
    new CapacityError("wait-timeout", "no room"),
    new ConflictError("lease-ended", "it ended"),
    new JobError("image-pull-failed", "cannot pull"),
    new MachineError("boot-timeout", "too slow"),
    new MachineLostError("channel-lost", "gone"),
    new NotFoundError("unknown-pool", "there is no pool x"),
    new SystemError("store-newer", "too new"),
    new TransientError("throttled", "again"),
    new ConfigError([
      { place: "a:1", message: "one" },
      { place: "b", message: "two" },
    ]),
  ])("throws what the manager threw: $name", async (error) => {
    await using served = await serveManager({ health: () => Promise.reject(error) });

    const got: unknown = await served.client.health().catch((caught: unknown) => caught);

    expect(got).toBeInstanceOf(error.constructor);
    expect({ ...(got as Error), message: (got as Error).message }).toEqual({ ...error, message: error.message });
  });

  it("shows nothing of a bug to the client, and all of it to the log", async () => {
    const logged: object[] = [];
    const bug = new TypeError("cannot read the password hunter2");
    const logger = {
      ...silentLogger,
      error: (fields: object) => void logged.push(fields),
    };
    await using served = await serveManager({ health: () => Promise.reject(bug) }, logger);

    const got: unknown = await served.client.health().catch((caught: unknown) => caught);

    expect(got).toBeInstanceOf(SystemError);
    expect((got as Error).message).not.toContain("hunter2");
    expect(logged).toEqual([{ err: bug, method: "GET", path: "/v1/health" }]);
  });

  it("names every wrong field of a job", async () => {
    await using served = await serveManager({});
    const wrong = { ...jobSpec(), script: "true", pool: "x" } as never;

    const got: unknown = await served.client.submitJob(wrong).catch((caught: unknown) => caught);

    expect(got).toBeInstanceOf(ConfigError);
    expect((got as Error).message).toMatch(/json\.script: .*array/);
    expect((got as Error).message).toContain("pool");
  });

  it("refuses a key that could be no key, before anything is done", async () => {
    await using served = await serveManager({});

    const asked = served.client.submitJob(jobSpec(), "a b");

    await expect(asked).rejects.toThrow("idempotency-key: 8 to 128 letters");
  });

  it("takes a job whose script is 16 MiB, and refuses one of 33 MiB by name", async () => {
    let length = 0;
    await using served = await serveManager({
      submitJob: async (submitted) => {
        length = submitted.script[0]?.length ?? 0;
        return base;
      },
    });

    await served.client.submitJob(jobSpec({ script: ["x".repeat(16 * 2 ** 20)] }));
    const tooLarge = served.client.submitJob(jobSpec({ script: ["x".repeat(33 * 2 ** 20)] }));

    expect(length).toBe(16 * 2 ** 20);
    await expect(tooLarge).rejects.toThrow("Expected at most 32 MiB, got more");
  });
});
