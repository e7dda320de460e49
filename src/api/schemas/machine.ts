import { z } from "@hono/zod-openapi";
import type { Machine, RetireReason } from "../../domain/machine.ts";
import type { InstanceView } from "../../ports/manager.ts";
import { instant, leaseIdSchema, machineIdSchema, text } from "./basics.ts";

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
