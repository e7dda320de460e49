import { z } from "@hono/zod-openapi";
import type { PolicyFigures, PoolShadows } from "../../ports/explain.ts";
import { policyKind } from "./explain.ts";
import { instant, span } from "./basics.ts";

const figures = z
  .object({
    jobs: z.number(),
    served: z.number(),
    shareInTime: z.number(),
    meanWaitMs: span,
    longestWaitMs: span,
    idleHours: z.number(),
    bootingHours: z.number(),
    busyHours: z.number(),
    stoppedHours: z.number(),
    launches: z.number(),
    unused: z.number(),
    costUsd: z.number().optional(),
  })
  .openapi("PolicyFigures") satisfies z.ZodType<PolicyFigures>;

const comparison = z.object({
  from: instant,
  to: instant,
  shadow: figures,
  acting: figures,
  savedMs: span,
  addedMs: span,
});

const levels = z.array(z.object({ at: instant, level: z.number() })).readonly();

export const poolShadowsSchema = z
  .object({
    poolName: z.string(),
    policy: policyKind,
    level: z.number(),
    shadows: z
      .array(
        z.object({
          name: z.string(),
          policy: policyKind,
          startedAt: instant,
          problem: z.string().optional(),
          level: z.number(),
          why: z.string(),
          idle: z.number(),
          booting: z.number(),
          leased: z.number(),
          stopped: z.number(),
          waiting: z.number(),
          aimMs: span,
          total: comparison,
          periods: z.array(comparison.extend({ levels, actingLevels: levels })).readonly(),
        }),
      )
      .readonly(),
    pending: z.string().optional(),
  })
  .openapi("PoolShadows") satisfies z.ZodType<PoolShadows>;
