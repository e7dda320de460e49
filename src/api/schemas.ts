import { z } from "@hono/zod-openapi";
import type { JobId, LeaseId, MachineId } from "../domain/ids.ts";
import type { Lease, WaitCause } from "../domain/lease.ts";
import type { Machine, MachineState, RetireReason } from "../domain/machine.ts";
import type { DesiredPool } from "../domain/pool.ts";
import type { Health, InstanceView, LeaseView, PoolView } from "../ports/manager.ts";
import type { TimelineEvent } from "../ports/store.ts";

/** A string that carries a brand of the domain. */
const branded = <Id extends string>() => z.custom<Id>((value) => typeof value === "string").openapi({ type: "string" });

export const machineIdSchema = branded<MachineId>();
export const leaseIdSchema = branded<LeaseId>();
export const jobIdSchema = branded<JobId>();
/** Epoch milliseconds. */
export const instant = z.number();
/** How long something took, in milliseconds. */
export const span = z.number();
const text = z.string();

const mode = z.enum(["open", "cordoned", "draining"]);
const steeredBy = z.enum(["pool", "all", "stop"]).optional();

const preloadProblems = z
  .array(z.object({ image: text, text, since: instant, retryAt: instant }))
  .readonly()
  .optional();

export const healthSchema = z
  .object({
    status: z.enum(["ok", "degraded", "stopping"]),
    version: text,
    name: text,
    pid: z.number(),
    startedAt: instant,
    problems: z.array(text).readonly(),
    storeProblem: z.object({ text, since: instant }).optional(),
    configProblem: z.object({ text, since: instant }).optional(),
    disks: z.array(z.object({ what: text, path: text, freeBytes: z.number(), totalBytes: z.number() })).readonly(),
    minFreeBytes: z.number(),
    mirror: z
      .object({
        listen: text,
        upstream: text,
        isServing: z.boolean(),
        problem: z.object({ text, since: instant }).optional(),
        starts: z.number(),
        cacheBytes: z.number(),
        maxCacheBytes: z.number(),
      })
      .optional(),
    pools: z
      .array(
        z.object({
          name: text,
          mode,
          steeredBy,
          launchProblem: text.optional(),
          refusals: z.number(),
          launchesPausedUntil: instant.optional(),
          preloadProblems,
        }),
      )
      .readonly(),
  })
  .openapi("Health") satisfies z.ZodType<Health>;

const qemuShape = z.object({
  driver: z.literal("qemu"),
  image: text,
  cpus: z.number(),
  memoryMiB: z.number(),
  diskGiB: z.number(),
  restore: z.boolean().optional(),
});
const ec2Shape = z.object({
  driver: z.literal("ec2"),
  region: text,
  profile: text.optional(),
  endpoint: text.optional(),
  ami: text,
  instanceTypes: z.array(text).readonly(),
  subnets: z.array(text).readonly(),
  securityGroups: z.array(text).readonly(),
  market: z.enum(["spot-first", "spot", "on-demand"]),
  diskGiB: z.number(),
  instanceProfile: text.optional(),
  publicAddress: z.boolean(),
  tags: z.record(text, text),
});
const shape = z.discriminatedUnion("driver", [qemuShape, ec2Shape, z.object({ driver: z.literal("simulated") })]);

const idleWish = {
  idleCount: z.number(),
  idleScaleFactor: z.number().optional(),
  idleCountMin: z.number().optional(),
  idleCountMax: z.number().optional(),
  stoppedCount: z.number().optional(),
  idleTimeMs: span,
};

const poolPolicy = {
  maxMachines: z.number(),
  ...idleWish,
  schedule: z
    .array(
      z.object({
        ...z.object(idleWish).partial().shape,
        periods: z.array(text).readonly(),
        timezone: text,
      }),
    )
    .readonly()
    .optional(),
  target: z.object({ waitMs: span, share: z.number().optional(), waitUsdPerMinute: z.number().optional() }).optional(),
  budgetUsdPerDay: z.number().optional(),
  maxGrowthRate: z.number(),
};

const desiredPool = z.object({
  name: text,
  ...poolPolicy,
  shadows: z
    .array(z.object({ name: text, ...poolPolicy }))
    .readonly()
    .optional(),
  maxAgeMs: span,
  bootTimeoutMs: span,
  jobTimeoutMs: span,
  orphanTimeoutMs: span,
  preload: z.array(text).readonly().optional(),
  guest: z.object({
    user: text,
    docker: z.enum(["dind", "socket", "none"]),
    registryMirror: text.optional(),
    engine: z.enum(["baked", "install"]).optional(),
    dataRoot: text,
  }),
  shape,
  cost: z
    .object({
      usdPerHour: z.number().optional(),
      usdPerHourByType: z.record(text, z.number()).optional(),
      usdPerGiBMonth: z.number().optional(),
    })
    .optional(),
}) satisfies z.ZodType<DesiredPool>;

const STATES = [
  "requested",
  "booting",
  "idle",
  "stopping",
  "stopped",
  "starting",
  "leased",
  "terminating",
  "terminated",
] as const satisfies readonly MachineState[];

export const poolViewSchema = z
  .object({
    desired: desiredPool,
    wish: z
      .object({
        idleCount: z.number(),
        stoppedCount: z.number().optional(),
        idleTimeMs: span,
        why: text,
        sectionIndex: z.number().optional(),
        changesAt: z.number().optional(),
      })
      .optional(),
    mode,
    steeredBy,
    isCordoned: z.boolean(),
    machines: z.record(z.enum(STATES), z.number()),
    waitingLeases: z.number(),
    why: text,
    preloadProblems,
  })
  .openapi("Pool") satisfies z.ZodType<PoolView>;

const RETIRE_REASONS = [
  "job-finished",
  "job-cancelled",
  "job-timeout",
  "lease-released",
  "lease-lapsed",
  "launch-failed",
  "boot-timeout",
  "boot-failed",
  "host-key-changed",
  "channel-lost",
  "engine-lost",
  "instance-gone",
  "interrupted",
  "rebalance-recommended",
  "stop-failed",
  "start-failed",
  "not-stopped",
  "surplus-idle",
  "surplus-stopped",
  "max-age",
  "pool-drained",
  "pool-removed",
  "pool-changed",
  "operator",
  "shutdown",
  "left-over",
] as const satisfies readonly RetireReason[];

const machineBase = z.object({
  id: machineIdSchema,
  poolName: text,
  driver: z.enum(["qemu", "ec2", "simulated"]),
  launchToken: text,
  requestedAt: instant,
  isCordoned: z.boolean(),
  hostKey: text.optional(),
  price: z.object({ usdPerHour: z.number(), diskUsdPerHour: z.number().optional(), source: text }).optional(),
  costUsd: z.number().optional(),
  recipe: text.optional(),
  origin: z.enum(["booted", "restored"]).optional(),
  startedAt: instant.optional(),
  spentUsd: z.number().optional(),
});
const launchedFacts = { providerId: text, launchedAt: instant };
const readyFacts = {
  ...launchedFacts,
  address: z.object({ host: text, port: z.number() }),
  readyAt: instant,
  runningSince: instant.optional(),
};
const retireFacts = {
  providerId: text.optional(),
  leaseId: leaseIdSchema.optional(),
  launchedAt: instant.optional(),
  readyAt: instant.optional(),
  runningSince: instant.optional(),
  stoppedSince: instant.optional(),
  reason: z.enum(RETIRE_REASONS),
  detail: text,
  terminatingSince: instant,
};

export const machineSchema = z
  .discriminatedUnion("state", [
    machineBase.extend({ state: z.literal("requested") }),
    machineBase.extend({ state: z.literal("booting"), ...launchedFacts }),
    machineBase.extend({ state: z.literal("idle"), idleSince: instant, ...readyFacts }),
    machineBase.extend({
      state: z.literal("stopping"),
      stoppingSince: instant,
      runningSince: instant.optional(),
      ...launchedFacts,
    }),
    machineBase.extend({ state: z.literal("stopped"), stoppedSince: instant, ...launchedFacts }),
    machineBase.extend({ state: z.literal("starting"), startingSince: instant, ...launchedFacts }),
    machineBase.extend({ state: z.literal("leased"), leaseId: leaseIdSchema, leasedAt: instant, ...readyFacts }),
    machineBase.extend({ state: z.literal("terminating"), ...retireFacts }),
    machineBase.extend({ state: z.literal("terminated"), terminatedAt: instant, ...retireFacts }),
  ])
  .openapi("Machine") satisfies z.ZodType<Machine>;

export const instanceViewSchema = z
  .object({
    driver: z.enum(["qemu", "ec2", "simulated"]),
    providerId: text,
    machineId: machineIdSchema,
    poolName: text,
    launchedAt: instant.optional(),
    state: z.enum(["pending", "running", "stopping", "stopped", "ending"]).optional(),
    verdict: z.enum(["ours", "ending", "stranger", "missing"]),
    what: text,
    outcome: text.optional(),
  })
  .openapi("Instance") satisfies z.ZodType<InstanceView>;

const WAIT_CAUSES = [
  "no-idle-machine",
  "boot",
  "growth-limit",
  "max-machines",
  "max-machines-overall",
  "no-capacity",
  "budget",
  "store",
  "pool-closed",
  "earlier",
] as const satisfies readonly WaitCause[];
export const waitedMsSchema = z.partialRecord(z.enum(WAIT_CAUSES), span);

const leaseBase = z.object({
  id: leaseIdSchema,
  poolName: text,
  holder: text,
  priority: z.number(),
  jobId: jobIdSchema.optional(),
  createdAt: instant,
  ttlMs: span,
  waitDeadlineAt: instant,
  requestDigest: text.optional(),
  waitedMs: waitedMsSchema.optional(),
});

const lease = z
  .discriminatedUnion("state", [
    leaseBase.extend({ state: z.literal("waiting"), expiresAt: instant }),
    leaseBase.extend({
      state: z.literal("held"),
      machineId: machineIdSchema,
      heldSince: instant,
      expiresAt: instant,
    }),
    leaseBase.extend({
      state: z.literal("ended"),
      machineId: machineIdSchema.optional(),
      heldSince: instant.optional(),
      endedAt: instant,
      outcome: z.enum(["released", "lapsed", "cancelled", "wait-timeout", "machine-lost", "pool-removed", "shutdown"]),
    }),
  ])
  .openapi("Lease") satisfies z.ZodType<Lease>;

export const leaseViewSchema = z
  .object({ lease, why: text.optional() })
  .openapi("LeaseView") satisfies z.ZodType<LeaseView>;

export const timelineEventSchema = z
  .object({
    at: instant,
    machineId: machineIdSchema.optional(),
    leaseId: leaseIdSchema.optional(),
    jobId: jobIdSchema.optional(),
    poolName: text.optional(),
    what: text,
    detail: text,
  })
  .openapi("TimelineEvent") satisfies z.ZodType<TimelineEvent>;
