import { z } from "@hono/zod-openapi";
import type { JobWhy, PoolWhy } from "../../ports/explain.ts";
import { instant, jobIdSchema, span } from "./basics.ts";
import { waitedMsSchema } from "./lease.ts";

const decision = z.object({
  at: instant,
  level: z.number(),
  binding: z.string(),
  why: z.string(),
  asked: z.number().optional(),
  forecastPerHour: z.number().optional(),
  window: z.object({ p50: z.number(), p95: z.number(), p99: z.number() }).optional(),
  price: z.number().optional(),
  lastPrice: z.number().optional(),
  nextPrice: z.number().optional(),
  missedWithoutLastPerHour: z.number().optional(),
  waitUsdPerMinute: z.number().optional(),
});

export const policyKind = z.enum(["target", "schedule", "scale-factor", "static"]);

export const poolWhySchema = z
  .object({
    poolName: z.string(),
    why: z.string(),
    policy: policyKind,
    level: z.number(),
    bootMs: span,
    bootsMeasured: z.number(),
    jobsSeen: z.number().optional(),
    promise: z
      .object({
        waitMs: span,
        share: z.number().optional(),
        jobs: z.number(),
        attainedShare: z.number().optional(),
        limitedJobs: z.number(),
        priceFactor: z.number().optional(),
      })
      .optional(),
    decision: decision.optional(),
    budget: z.string().optional(),
    changes: z.array(decision).readonly(),
  })
  .openapi("PoolWhy") satisfies z.ZodType<PoolWhy>;

export const jobWhySchema = z
  .object({
    jobId: jobIdSchema,
    waitedMs: span,
    parts: waitedMsSchema,
    why: z.string(),
    oneMore: z.object({ savedMs: span, costUsd: z.number().optional() }).optional(),
  })
  .openapi("JobWhy") satisfies z.ZodType<JobWhy>;
