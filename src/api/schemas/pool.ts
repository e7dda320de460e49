import { z } from "@hono/zod-openapi";
import type { MachineState } from "../../domain/machine.ts";
import type { DesiredPool } from "../../domain/pool.ts";
import type { PoolView } from "../../ports/manager.ts";
import { span, text } from "./basics.ts";
import { mode, preloadProblems, steeredBy } from "./poolState.ts";

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
